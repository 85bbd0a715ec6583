package management

import "net/http"

// accountOperations are what AWS says of the account as a whole. Nothing of it changes here.
var accountOperations = []operation{
	{name: "GetAccount", verb: http.MethodGet, path: "/account", status: http.StatusOK, do: (*call).getAccount},
	{name: "UpdateAccount", verb: http.MethodPatch, path: "/account", status: http.StatusOK, do: (*call).updateAccount},
}

type throttleSettings struct {
	Burst integer `json:"burstLimit"`
	Rate  float   `json:"rateLimit"`
}

type account struct {
	Role       string           `json:"cloudwatchRoleArn,omitempty"`
	Throttle   throttleSettings `json:"throttleSettings"`
	Features   []string         `json:"features"`
	KeyVersion string           `json:"apiKeyVersion"`
}

// The limits that AWS shows where none are set. Here there is none then.
const (
	shownRate  = 10_000
	shownBurst = 5_000
)

func (c *call) getAccount() (any, error) {
	return account{Throttle: throttleSettings{shownBurst, shownRate}, Features: []string{"UsagePlans"}, KeyVersion: "4"}, nil
}

// accountPatches takes what clients send and what changes nothing.
var accountPatches = patchTable[account]{rules: []patchRule[account]{
	{"/cloudwatchRoleArn", "replace add remove", func(_ *account, in patchOperation, _ parts) error {
		if in.Op != opRemove && in.Value != "" {
			return unsupported("A role for CloudWatch")
		}
		return nil
	}},
	{"/features", "add", func(_ *account, in patchOperation, _ parts) error {
		if in.Value != "UsagePlans" {
			return badRequest("Invalid feature specified: %s. Must be one of: [UsagePlans]", in.Value)
		}
		return nil
	}},
	{"/features", "remove", func(*account, patchOperation, parts) error {
		return badRequest("Usage Plans cannot be disabled once enabled")
	}},
}}

func (c *call) updateAccount() (any, error) {
	ops, err := c.patchOperations("updateAccountInput")
	if err != nil {
		return nil, err
	}
	if err := accountPatches.apply(new(account), ops); err != nil {
		return nil, err
	}
	return c.getAccount()
}
