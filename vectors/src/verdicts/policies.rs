//! What PKITS tries policies with: its document, sections 4.8 to 4.12.

/// One subtest: a leaf, the initial state of policy processing, and what is to come of it.
pub(super) struct PolicyTest {
    pub(super) number: &'static str,
    pub(super) leaf: &'static str,
    /// NIST's test policies by number; 0 is any policy.
    pub(super) accepted: &'static [u8],
    pub(super) explicit: bool,
    pub(super) inhibit_any: bool,
    pub(super) inhibit_mapping: bool,
    pub(super) valid: bool,
}

const fn test(
    number: &'static str,
    leaf: &'static str,
    accepted: &'static [u8],
    valid: bool,
) -> PolicyTest {
    let (explicit, inhibit_any, inhibit_mapping) = (false, false, false);
    PolicyTest { number, leaf, accepted, explicit, inhibit_any, inhibit_mapping, valid }
}

impl PolicyTest {
    const fn explicit(self) -> Self {
        Self { explicit: true, ..self }
    }

    const fn inhibit_any(self) -> Self {
        Self { inhibit_any: true, ..self }
    }

    const fn inhibit_mapping(self) -> Self {
        Self { inhibit_mapping: true, ..self }
    }
}

pub(super) const POLICY_TESTS: &[PolicyTest] = &[
    test("4.8.1.1", "ValidCertificatePathTest1", &[0], true).explicit(),
    test("4.8.1.2", "ValidCertificatePathTest1", &[1], true).explicit(),
    test("4.8.1.3", "ValidCertificatePathTest1", &[2], false).explicit(),
    test("4.8.1.4", "ValidCertificatePathTest1", &[1, 2], true).explicit(),
    test("4.8.2.1", "AllCertificatesNoPoliciesTest2", &[0], true),
    test("4.8.2.2", "AllCertificatesNoPoliciesTest2", &[0], false).explicit(),
    test("4.8.3.1", "DifferentPoliciesTest3", &[0], true),
    test("4.8.3.2", "DifferentPoliciesTest3", &[0], false).explicit(),
    test("4.8.3.3", "DifferentPoliciesTest3", &[1, 2], false).explicit(),
    test("4.8.4", "DifferentPoliciesTest4", &[0], false),
    test("4.8.5", "DifferentPoliciesTest5", &[0], false),
    test("4.8.6.1", "OverlappingPoliciesTest6", &[0], true),
    test("4.8.6.2", "OverlappingPoliciesTest6", &[1], true),
    test("4.8.6.3", "OverlappingPoliciesTest6", &[2], false),
    test("4.8.7", "DifferentPoliciesTest7", &[0], false),
    test("4.8.8", "DifferentPoliciesTest8", &[0], false),
    test("4.8.9", "DifferentPoliciesTest9", &[0], false),
    test("4.8.10.1", "AllCertificatesSamePoliciesTest10", &[1], true),
    test("4.8.10.2", "AllCertificatesSamePoliciesTest10", &[2], true),
    test("4.8.10.3", "AllCertificatesSamePoliciesTest10", &[0], true),
    test("4.8.11.1", "AllCertificatesanyPolicyTest11", &[0], true),
    test("4.8.11.2", "AllCertificatesanyPolicyTest11", &[1], true),
    test("4.8.12", "DifferentPoliciesTest12", &[0], false),
    test("4.8.13.1", "AllCertificatesSamePoliciesTest13", &[1], true),
    test("4.8.13.2", "AllCertificatesSamePoliciesTest13", &[2], true),
    test("4.8.13.3", "AllCertificatesSamePoliciesTest13", &[3], true),
    test("4.8.14.1", "AnyPolicyTest14", &[1], true),
    test("4.8.14.2", "AnyPolicyTest14", &[2], false),
    test("4.8.15", "UserNoticeQualifierTest15", &[0], true),
    test("4.8.16", "UserNoticeQualifierTest16", &[0], true),
    test("4.8.17", "UserNoticeQualifierTest17", &[0], true),
    test("4.8.18.1", "UserNoticeQualifierTest18", &[1], true),
    test("4.8.18.2", "UserNoticeQualifierTest18", &[2], true),
    test("4.8.19", "UserNoticeQualifierTest19", &[0], true),
    test("4.8.20", "CPSPointerQualifierTest20", &[0], true).explicit(),
    test("4.9.1", "ValidrequireExplicitPolicyTest1", &[0], true),
    test("4.9.2", "ValidrequireExplicitPolicyTest2", &[0], true),
    test("4.9.3", "InvalidrequireExplicitPolicyTest3", &[0], false),
    test("4.9.4", "ValidrequireExplicitPolicyTest4", &[0], true),
    test("4.9.5", "InvalidrequireExplicitPolicyTest5", &[0], false),
    test("4.9.6", "ValidSelfIssuedrequireExplicitPolicyTest6", &[0], true),
    test("4.9.7", "InvalidSelfIssuedrequireExplicitPolicyTest7", &[0], false),
    test("4.9.8", "InvalidSelfIssuedrequireExplicitPolicyTest8", &[0], false),
    test("4.10.1.1", "ValidPolicyMappingTest1", &[1], true),
    test("4.10.1.2", "ValidPolicyMappingTest1", &[2], false),
    test("4.10.1.3", "ValidPolicyMappingTest1", &[0], false).inhibit_mapping(),
    test("4.10.2.1", "InvalidPolicyMappingTest2", &[0], false),
    test("4.10.2.2", "InvalidPolicyMappingTest2", &[0], false).inhibit_mapping(),
    test("4.10.3.1", "ValidPolicyMappingTest3", &[1], false),
    test("4.10.3.2", "ValidPolicyMappingTest3", &[2], true),
    test("4.10.4", "InvalidPolicyMappingTest4", &[0], false),
    test("4.10.5.1", "ValidPolicyMappingTest5", &[1], true),
    test("4.10.5.2", "ValidPolicyMappingTest5", &[6], false),
    test("4.10.6.1", "ValidPolicyMappingTest6", &[1], true),
    test("4.10.6.2", "ValidPolicyMappingTest6", &[6], false),
    test("4.10.7", "InvalidMappingFromanyPolicyTest7", &[0], false),
    test("4.10.8", "InvalidMappingToanyPolicyTest8", &[0], false),
    test("4.10.9", "ValidPolicyMappingTest9", &[0], true),
    test("4.10.10", "InvalidPolicyMappingTest10", &[0], false),
    test("4.10.11", "ValidPolicyMappingTest11", &[0], true),
    test("4.10.12.1", "ValidPolicyMappingTest12", &[1], true),
    test("4.10.12.2", "ValidPolicyMappingTest12", &[2], true),
    test("4.10.13", "ValidPolicyMappingTest13", &[0], true),
    test("4.10.14", "ValidPolicyMappingTest14", &[0], true),
    test("4.11.1", "InvalidinhibitPolicyMappingTest1", &[0], false),
    test("4.11.2", "ValidinhibitPolicyMappingTest2", &[0], true),
    test("4.11.3", "InvalidinhibitPolicyMappingTest3", &[0], false),
    test("4.11.4", "ValidinhibitPolicyMappingTest4", &[0], true),
    test("4.11.5", "InvalidinhibitPolicyMappingTest5", &[0], false),
    test("4.11.6", "InvalidinhibitPolicyMappingTest6", &[0], false),
    test("4.11.7", "ValidSelfIssuedinhibitPolicyMappingTest7", &[0], true),
    test("4.11.8", "InvalidSelfIssuedinhibitPolicyMappingTest8", &[0], false),
    test("4.11.9", "InvalidSelfIssuedinhibitPolicyMappingTest9", &[0], false),
    test("4.11.10", "InvalidSelfIssuedinhibitPolicyMappingTest10", &[0], false),
    test("4.11.11", "InvalidSelfIssuedinhibitPolicyMappingTest11", &[0], false),
    test("4.12.1", "InvalidinhibitAnyPolicyTest1", &[0], false),
    test("4.12.2", "ValidinhibitAnyPolicyTest2", &[0], true),
    test("4.12.3.1", "inhibitAnyPolicyTest3", &[0], true),
    test("4.12.3.2", "inhibitAnyPolicyTest3", &[0], false).inhibit_any(),
    test("4.12.4", "InvalidinhibitAnyPolicyTest4", &[0], false),
    test("4.12.5", "InvalidinhibitAnyPolicyTest5", &[0], false),
    test("4.12.6", "InvalidinhibitAnyPolicyTest6", &[0], false),
    test("4.12.7", "ValidSelfIssuedinhibitAnyPolicyTest7", &[0], true),
    test("4.12.8", "InvalidSelfIssuedinhibitAnyPolicyTest8", &[0], false),
    test("4.12.9", "ValidSelfIssuedinhibitAnyPolicyTest9", &[0], true),
    test("4.12.10", "InvalidSelfIssuedinhibitAnyPolicyTest10", &[0], false),
];
