//! A safe face over AWS-LC's X.509, CRL, PKCS#8, PKCS#12 and PEM functions.
