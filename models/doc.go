// Package models is the vocabulary of Gatehouse and its rules: plain values and pure functions, the standard library only.
//
// # Words
//
//   - API: what an owner offers; made from an OpenAPI document or a form. Known by its id or its slug.
//   - Method: a verb on a path of an API (GET /users/{id}); says whether callers must send an API key.
//   - Authorizer: who decides whether callers of a method may: a token that an issuer signed (JWT), or a service of the owner's (HTTP).
//   - Deployment: an immutable snapshot of an API's methods. Edits reach callers by the next deployment only.
//   - Stage: a name (prod, beta) that points at one deployment, with an upstream URL and a throttle shared by all callers.
//   - Usage plan: which stages and methods a key may call, how fast (throttle: rate and burst) and how much (quota a day, week or
//     month); with price text and an audience. A published plan has at most one draft.
//   - API key: a stable id with a value that can be rotated. A key is on a plan through a membership.
//   - App: a developer's container of keys. Subscription: an app on a plan (pending, active, suspended, refused, ended).
//   - Usage: counts per key, plan, stage, method, minute and outcome.
//   - Account: a person, with a role. Event: who changed what, when (the audit log). Change: what the gateway must apply.
//
// # Invariants
//
// Each has a test that fails without it and a database constraint where one can express it.
//
//	R1  one plan per (key, stage)
//	R2  a key value is unique
//	R3  a deployment never changes
//	R4  charged <= limit per (plan, key, period)
//	R5  admissions in any window t <= burst + rate*t, per bucket
//	R6  metered = admitted, to the unit
//	R7  a refused request spends nothing
//	R8  after a change is acknowledged the gateway honours it on the next request
//	R9  nobody sees or changes what is not theirs: not found, not forbidden
//	R10 a key's value is in no log, page source, URL or backup in clear, but for the one reveal
//
// Times are UTC. Functions that depend on the time take it as an argument.
package models
