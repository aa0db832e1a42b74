//! AWS-LC's reasons in words for a user with a file, not a parser.

/// What is wrong with bytes that AWS-LC refuses for this reason, where there is more to say than
/// its name.
pub(crate) fn words(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "HEADER_TOO_LONG" | "TOO_LONG" | "BAD_OBJECT_HEADER" | "NOT_ENOUGH_DATA"
        | "UNEXPECTED_EOC" | "MISSING_EOC" | "TOO_SMALL" => {
            "a length exceeds the data: truncated or damaged"
        }
        "INVALID_UTF8STRING" => "a UTF8String is not valid UTF-8",
        "INVALID_BMPSTRING" | "INVALID_UNIVERSALSTRING" => "a string is not valid Unicode",
        "INVALID_TIME_FORMAT" => "a date is invalid, or not in a form of RFC 5280",
        "INVALID_INTEGER" => "an INTEGER is empty, or has leading zeros",
        "INVALID_BIT_STRING_BITS_LEFT" | "INVALID_BIT_STRING_PADDING" => {
            "a BIT STRING has invalid padding bits"
        }
        "INVALID_OBJECT_ENCODING" => "an object identifier is invalid",
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
        | "EXPLICIT_LENGTH_MISMATCH" => "an element has an unexpected type",
        "INVALID_VERSION" => "the version number is unknown",
        "INVALID_FIELD_FOR_VERSION" => "it has a field that its version does not allow",
        "NESTED_TOO_DEEP" => "it is nested too deeply",
        _ => return None,
    })
}
