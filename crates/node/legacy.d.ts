/**
 * Has every context that is made from now on speak with old peers, by whatever is in its list of suites,
 * and all client connections, through the OpenSSL of this Node. It is weaker than what is spoken otherwise;
 * a context that names what it needs does without this.
 *
 * @throws Where this runtime exports no OpenSSL 3 or 4: `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`.
 */
export function enable(): void;
