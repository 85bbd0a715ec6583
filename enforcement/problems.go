package enforcement

import "slices"

// Problem is one kind of answer that the gateway itself gives instead of the upstream's. Its slug ends the `type` of the answer, and
// the portal has a page for each.
type Problem struct {
	Slug        string // in URLs: /problems/{slug}
	Status      int    // of HTTP
	Title       string // short, the same for every occurrence
	Explanation string // what happened, for people who meet it
	WhatToDo    string
}

// Problems returns every kind of problem, in the order of the life of a request.
func Problems() []Problem { return slices.Clone(problems[:]) }

// problem names an entry of problems. The zero problem is none.
type problem uint8

const (
	problemNone problem = iota
	problemNotReady
	problemJournalFull
	problemLedgerAway
	problemLedgerBusy
	problemHeadInvalid
	problemVersionUnsupported
	problemCodingUnsupported
	problemExpectationUnsupported
	problemHeadTooSlow
	problemTargetTooLong
	problemHeadTooLarge
	problemPathInvalid
	problemVerbUnsupported
	problemHostUnknown
	problemAPIUnknown
	problemStageUnknown
	problemStageBroken
	problemMaintenance
	problemPathUnknown
	problemPreflights
	problemOrigin
	problemBodyTooLarge
	problemVerbUnknown
	problemIntegration
	problemQueryInvalid
	problemKeyMissing
	problemKeyAmbiguous
	problemKeyMalformed
	problemKeyUnknown
	problemKeyReplaced
	problemKeyRevoked
	problemKeyExpired
	problemKeyDisabled
	problemUnauthorized
	problemAuthorizerDenied
	problemScope
	problemAuthorizerFailed
	problemNoPlan
	problemPlanEnded
	problemPending
	problemSuspended
	problemBlocked
	problemExcluded
	problemGone
	problemBrownout
	problemParametersMissing
	problemBodyUnfit
	problemRequestInvalid
	problemMediaType
	problemTooManyOpen
	problemUpstreamOut
	problemThrottled
	problemQuota
	problemQuotes
	problemBodyInvalid
	problemBodyTooSlow
	problemUpstreamForbidden
	problemUpstreamUnreachable
	problemUpstreamInvalid
	problemUpstreamTimeout
	problemInternal
	numProblems
)

// entry returns the entry of p, which is not problemNone.
func (p problem) entry() Problem { return problems[p-1] }

var problems = [numProblems - 1]Problem{
	{"not-ready", 503, "The gateway is not ready",
		"The gateway is starting, stopping or applying a change, and does not yet know for certain what this key may call. It refuses rather than guesses.",
		"Try again after the seconds in Retry-After."},
	{"journal-full", 503, "The gateway cannot write down what it admits",
		"Every admission is written to a journal before it happens, and the journal cannot grow: the disk is full, or the database cannot take what the journal holds. The gateway refuses rather than loses count. Nothing was charged.",
		"Try again after the seconds in Retry-After. An operator frees disk space; no restart is needed."},
	{"ledger-away", 503, "The ledger of quotas does not answer",
		"The key has no more requests of its quota in hand, and the database that hands them out cannot be asked. Nothing was charged.",
		"Try again after the seconds in Retry-After. If it lasts, tell the operator, with the request id."},
	{"ledger-busy", 503, "The ledger of quotas is busy",
		"The key has no more requests of its quota in hand, and the database that hands them out did not answer in a quarter of a second. Nothing was charged.",
		"Try again after the seconds in Retry-After."},
	{"head-invalid", 400, "The request is not clean HTTP",
		"Servers could read the head of the request in different ways, or a header in it would speak with the gateway's own voice. The gateway forwards only what can be read in one way. It closes the connection, since nobody can say where the next request would begin.",
		"The detail says what it is. Look at what writes the request: a client that leaves this to its HTTP library does not meet it."},
	{"version-unsupported", 505, "This version of HTTP is not spoken here",
		"The request line names a version of HTTP other than 1.1 and 1.0.",
		"Send HTTP/1.1."},
	{"coding-unsupported", 501, "The transfer coding is not supported",
		"The body is sent in a transfer coding besides chunked.",
		"Send the body with a Content-Length, or chunked alone. What is compressed is named in Content-Encoding instead."},
	{"expectation-unsupported", 417, "The expectation cannot be met",
		"The header Expect asks for something else than 100-continue.",
		"Leave the header Expect out."},
	{"head-too-slow", 408, "The head comes too slowly",
		"Request line and headers did not come whole in the time that the gateway has for them. It closes the connection.",
		"Send the request again over a new connection."},
	{"target-too-long", 414, "The address is too long",
		"Path and query together are longer than 8,192 bytes.",
		"Send large values in the body."},
	{"head-too-large", 431, "The head is too large",
		"Request line and headers are longer than 32 KiB, or there are more than 128 headers.",
		"Send fewer headers; cookies of other sites are often the reason."},
	{"path-invalid", 400, "The path is ambiguous",
		"The path contains something that servers read in different ways: a dot segment, an empty segment, an encoded slash or backslash, NUL, a fragment, a broken percent sign, or bytes that are not UTF-8. The gateway forwards only what it has understood.",
		"Send the path in its plain form, with / between segments and UTF-8 in percent-encoding."},
	{"verb-unsupported", 501, "The gateway does not serve this verb",
		"CONNECT, TRACE and verbs that are not upper-case letters are never forwarded.",
		"Use a verb of the API, such as GET."},
	{"host-unknown", 421, "Nothing is served under this host name",
		"The request names a host that leads to no API here: the portal's own, or a domain whose stage nothing is deployed to.",
		"Compare the address with the one on the API's page in the portal."},
	{"api-unknown", 404, "There is no such API",
		"The first segment of the path, or of a host name that leads to APIs, is not the id or the short name of an API.",
		"Compare the address with the one on the API's page in the portal. Capitals matter."},
	{"stage-unknown", 404, "The API has no such stage",
		"The second segment of the path is not a stage of the API that anything is deployed to.",
		"Compare the address with the one on the API's page in the portal. Capitals matter."},
	{"stage-broken", 503, "The stage cannot be served",
		"What is deployed to this stage contradicts itself, for example because its upstream's address cannot be used.",
		"Tell the API's owner, with the request id. Redeploying the stage shows what is wrong."},
	{"maintenance", 503, "The stage is switched off for maintenance",
		"The API's owner has switched this stage off for a while. Every call gets this answer, whatever its path and key. Nothing was charged.",
		"Try again after the seconds in Retry-After; the detail says what the owner has to say about it."},
	{"path-unknown", 404, "The API has no such operation",
		"No method of what is deployed to this stage has this path.",
		"Compare path and stage with the API's page in the portal. New operations appear with the next deployment."},
	{"preflights-throttled", 429, "Too many preflights at once",
		"Browsers ask with a preflight before a page may call. Asking is free, and so an address may ask 500 times at once and then 100 times a second. Nothing was charged.",
		"Wait the seconds in Retry-After. Let browsers remember the answer: the stage's owner can set for how long."},
	{"origin-refused", 403, "Pages of this origin may not call",
		"A browser asked whether a page may call, and the page's origin is none of those that the API's owner lets call this stage.",
		"Ask the API's owner to add the origin, exactly as the browser sends it: scheme, host and port."},
	{"body-too-large", 413, "The body is too large",
		"The request's body is larger than this stage takes. If its length was told ahead, nothing was charged.",
		"Send less at once, or ask the API's owner for a higher limit."},
	{"verb-unknown", 405, "The operation does not have this verb",
		"The path exists, but not with this verb. The header Allow lists the verbs that it has.",
		"Use one of the verbs in Allow."},
	{"integration-invalid", 500, "Nothing answers the operation",
		"The operation is deployed, but what is to answer it is missing or does not fit: it has no integration and its stage no upstream, its integration names a variable that the stage does not have, or there is no answer for what its upstream said.",
		"Tell the API's owner, with the request id. The detail says what does not fit."},
	{"query-invalid", 400, "The query is ambiguous",
		"The API reads its key from the query, and the query contains a broken percent sign or a semicolon, which servers read in different ways.",
		"Encode ; as %3B and % as %25."},
	{"key-missing", 403, "The API key is missing",
		"This operation needs an API key, and the request has none where the API reads it.",
		"Send the key as the API's page shows, by default in the header x-api-key."},
	{"ambiguous-key", 403, "There is more than one API key",
		"The request carries a second value where the API reads its key. Equal or not, the gateway does not choose between them.",
		"Send the key once."},
	{"key-malformed", 403, "The API key is mistyped",
		"The value cannot be a key: it has the wrong length or characters, or its checksum does not fit.",
		"Copy the whole key again, without quotes, spaces or line breaks."},
	{"key-unknown", 403, "The API key is not known",
		"The value has the form of a key, but no key of this installation has it. It may have been replaced many rotations ago, or belong to another installation.",
		"Compare the first and last four characters with the portal's list of your keys."},
	{"key-replaced", 403, "The API key was rotated",
		"The key got a new value, and the time for which this old value went on working is over.",
		"Use the new value. If nobody has it any more, rotate the key again."},
	{"key-revoked", 403, "The API key is revoked",
		"The key was revoked, which is final.",
		"Create a new key in the portal."},
	{"key-expired", 403, "The API key is expired",
		"The key's expiry date has passed.",
		"Set a later expiry in the portal, or create a new key."},
	{"key-disabled", 403, "The API key is disabled",
		"The key is switched off; its settings and counters are kept.",
		"Have it enabled again by whoever made it."},
	{"unauthorized", 401, "The caller is not known",
		"The API has an authorizer that says who calls, and the request has nothing that it accepts: no token, one that expired, one of another issuer or for another audience, or one whose signature is wrong. The header WWW-Authenticate says which. Nothing was charged.",
		"Get a token as the API's page says, and send it where the operation's page shows, by default as Authorization: Bearer TOKEN."},
	{"authorizer-denied", 403, "The authorizer does not allow it",
		"The API's authorizer knows who calls, and does not allow this operation to him. Nothing was charged.",
		"Ask the API's owner, with the request id."},
	{"insufficient-scope", 403, "The token does not reach this far",
		"The operation asks for a scope that the token does not have. The header WWW-Authenticate names the scopes of which one is enough. Nothing was charged.",
		"Get a token with one of them."},
	{"authorizer-failed", 503, "The authorizer cannot be asked",
		"The API's authorizer, or the issuer whose keys it needs, cannot be reached, is too slow or answers what cannot be understood. The gateway refuses rather than lets anybody pass unasked. Nothing was charged.",
		"Try again after the seconds in Retry-After. If it lasts, tell the API's owner, with the request id."},
	{"no-plan", 403, "The API key is on no plan for this stage",
		"The key is good, but it is on no usage plan that opens this stage.",
		"Subscribe the key's app to a plan that does; the API's page compares them."},
	{"plan-ended", 403, "The plan has ended",
		"The plan that opened this stage to the key has ended, on the day that its owner announced. What was used of it stays on record.",
		"Subscribe the key's app to another plan that opens the stage, or move the subscription; the API's page compares them."},
	{"subscription-pending", 403, "The subscription waits for approval",
		"The plan's owner approves each subscription and has not decided on this one yet.",
		"Wait for the decision; the key works on the first request after it."},
	{"subscription-suspended", 403, "The subscription is suspended",
		"The plan's owner suspended the subscription.",
		"See the owner's reason on the subscription's page."},
	{"key-blocked", 403, "The API key is blocked on this plan",
		"The plan's owner blocked this one key on his plans.",
		"Ask the owner, with the key's id."},
	{"operation-not-in-plan", 403, "The plan does not include this operation",
		"The plan opens the stage, but leaves this operation out.",
		"Choose a plan that includes it; the API's page compares them."},
	{"operation-gone", 410, "The operation is gone",
		"The API's owner deprecated this operation, or its whole stage, and the day of its sunset has come. Nothing was charged.",
		"Read what replaces it: the header Link leads there, with rel=\"successor-version\" to a replacement and rel=\"sunset\" to the notice."},
	{"brownout", 503, "The operation is switched off for a while",
		"The operation goes soon. Its owner switches it off for short times before, so that who still calls it notices while it can be switched on again. Nothing was charged.",
		"It works again after the seconds in Retry-After. Move to what replaces it before the day in the header Sunset; the header Link leads to the notice."},
	{"parameters-missing", 400, "The request lacks what it must have",
		"The operation's owner says which headers and parameters of path and query each request must have, and this one lacks some, or they are empty. Each stands in errors. Nothing was charged.",
		"Send those that the message names."},
	{"body-unfit", 400, "The body is not as the operation's model has it",
		"The operation's owner has a model for bodies of this media type, and this one does not fit it, or there is none. Each fault stands in errors: where it is, and what the model wants. Nothing was charged.",
		"Compare the body with the model of the operation."},
	{"request-invalid", 400, "The request is not as the API describes it",
		"The API's owner lets the gateway compare requests with the API's OpenAPI document, and this one does not fit. Each fault stands in errors: where it is, and what the document wants. Nothing was charged.",
		"Compare the request with the operation's page in the API's reference."},
	{"media-type-unsupported", 415, "The body's media type is not taken",
		"The operation takes bodies of some media types only, and Content-Type names another one. Nothing was charged.",
		"Send the body as the operation's page says, usually as application/json, and name its type in Content-Type."},
	{"too-many-open", 429, "Too many requests are open at once",
		"The key, or the address where the operation needs no key, has as many requests under way as it may have. WebSockets and streams of events stay open, and have a limit of their own. Nothing was charged.",
		"Wait until some have ended, close streams that nobody reads, and send fewer at the same time."},
	{"upstream-out", 503, "The upstream is out of service",
		"The API's own servers failed several times in a row, or do not answer the gateway's checks, so that it sends them nothing for a while. Nothing was charged.",
		"Try again after the seconds in Retry-After. If it lasts, tell the API's owner, with the request id."},
	{"throttled", 429, "Too many requests at once",
		"Requests come faster than a throttle allows. A throttle is a bucket of tokens: each request takes one, the rate fills it again, and the burst is how many it holds. The answer says which throttle it was; nothing was charged.",
		"Wait the seconds in Retry-After. Spread requests, and watch the header RateLimit."},
	{"quota-exceeded", 429, "The quota is used up",
		"The plan's quota for this day, week or month is used up. Nothing was charged.",
		"Wait until the window ends (Retry-After, X-RateLimit-Reset), or move to a larger plan."},
	{"quotes-throttled", 429, "Too many quotes at once",
		"A request with the header X-Gatehouse-Quote asks what would happen. A key may ask as often as its plan lets it call, at most 10 times a second. Nothing was charged.",
		"Wait the seconds in Retry-After. Each answer tells what remains of the limits: a quote is not needed for every request."},
	{"body-invalid", 400, "The body is broken",
		"The request's body ended too early or breaks the rules of HTTP/1.1, so it could not be forwarded whole.",
		"Send the request again. If it happens each time, look at the client's Content-Length or chunks."},
	{"body-too-slow", 408, "The body comes too slowly",
		"The request's body stopped coming, or comes so slowly that it would hold the connection for very long.",
		"Send the request again over a better connection, or in smaller parts."},
	{"upstream-forbidden", 502, "The upstream's address is not allowed",
		"The API's upstream has an address that this installation's operator does not allow: a private, loopback or link-local one, or the gateway itself.",
		"Tell the API's owner. An operator can allow private addresses with --allow-upstream."},
	{"upstream-unreachable", 502, "The upstream cannot be reached",
		"No connection to the API's own server could be made, or it broke before an answer came.",
		"Try again. If it lasts, tell the API's owner, with the request id."},
	{"upstream-invalid", 502, "The upstream's answer cannot be read",
		"The API's own server answered something that is not HTTP.",
		"Tell the API's owner, with the request id."},
	{"upstream-timeout", 504, "The upstream is too slow",
		"The API's own server did not begin to answer within the stage's timeout.",
		"Try again. If it lasts, tell the API's owner, with the request id."},
	{"internal", 500, "The gateway made a mistake",
		"Something went wrong in the gateway itself. It was logged with the request id.",
		"Tell the operator, with the request id."},
}
