//! AWS-LC's reasons in words for a user with a file, not a parser.

/// What is wrong with bytes that AWS-LC refuses for this reason, where there is more to say than
/// its name.
pub(crate) fn words(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "HEADER_TOO_LONG" | "TOO_LONG" | "BAD_OBJECT_HEADER" | "NOT_ENOUGH_DATA"
        | "UNEXPECTED_EOC" | "MISSING_EOC" | "TOO_SMALL" => {
            "a length in it goes beyond its end: it was cut or damaged"
        }
        "INVALID_UTF8STRING" => "a text in it is not the UTF-8 that it says it is",
        "INVALID_BMPSTRING" | "INVALID_UNIVERSALSTRING" => {
            "a text in it is not the Unicode that it says it is"
        }
        "INVALID_TIME_FORMAT" => "a date in it is none, or in a form that RFC 5280 does not have",
        "INVALID_INTEGER" => "a number in it is empty, or has zeros in front that it must not have",
        "INVALID_BIT_STRING_BITS_LEFT" | "INVALID_BIT_STRING_PADDING" => {
            "a bit string in it ends with bits that it must not have"
        }
        "INVALID_OBJECT_ENCODING" => "an object identifier in it is none",
        "WRONG_TAG"
        | "MSTRING_WRONG_TAG"
        | "WRONG_TYPE"
        | "NO_MATCHING_CHOICE_TYPE"
        | "EXPECTING_AN_OBJECT"
        | "EXPECTING_A_BOOLEAN"
        | "FIELD_MISSING"
        | "SEQUENCE_LENGTH_MISMATCH"
        | "SEQUENCE_NOT_CONSTRUCTED"
        | "NON_HEX_CHARACTERS"
        | "EXPLICIT_TAG_NOT_CONSTRUCTED"
        | "EXPLICIT_LENGTH_MISMATCH" => "something in it is of another type than belongs there",
        "INVALID_VERSION" => "it says a version that there is not",
        "INVALID_FIELD_FOR_VERSION" => "it has a field that its version has not",
        "NESTED_TOO_DEEP" => "it is nested too deeply",
        _ => return None,
    })
}
