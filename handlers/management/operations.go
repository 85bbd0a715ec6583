package management

import (
	"net/http"
	"net/url"
	"strings"
)

// Records is what operations ask of the store, family by family.
type Records interface {
	planRecords
	planKeyRecords
	keyRecords
	importRecords
	usageRecords
	tagRecords
	apiRecords
	resourceRecords
	partRecords
	deploymentRecords
	stageRecords
	authorizerRecords
	documentRecords
}

// operation is one line of the table.
type operation struct {
	name   string // AWS's
	verb   string
	path   string // with {names}; one part each
	mode   string // of the query: import; empty: none
	status int
	do     func(c *call) (any, error)
}

// operations are all that there are.
func operations() (all []operation) {
	for _, family := range [][]operation{
		accountOperations, documentOperations,
		planOperations, planKeyOperations, importOperations, keyOperations, usageOperations, tagOperations,
		apiOperations, resourceOperations, methodOperations, methodResponseOperations, integrationOperations, integrationResponseOperations,
		modelOperations, validatorOperations, gatewayResponseOperations,
		deploymentOperations, stageOperations, authorizerOperations,
	} {
		all = append(all, family...)
	}
	return all
}

var table = operations()

// foreign are the paths of AWS's other operations, which end as the pattern does or go on.
var foreign = []struct{ path, what string }{
	{"/domainnames", "A domain name (custom domains are made in the portal)"},
	{"/domainnameaccessassociations", "A domain name access association"},
	{"/rejectdomainnameaccessassociations", "A domain name access association"},
	{"/vpclinks", "A VPC link"},
	{"/clientcertificates", "A client certificate (those that stages show are made in the portal)"},
	{"/sdktypes", "An SDK"},
	{"/restapis/{}/stages/{}/sdks", "An SDK"},
	{"/restapis/{}/documentation", "Documentation apart from the OpenAPI document"},
	{"/restapis/{}/authorizers/{}", "Testing an authorizer here (the portal does it)"},
	{"/restapis/{}/models/{}/default_template", "A model template"},
	{"/restapis/{}/resources/{}/methods/{}", "Testing a method here (the portal's reference does it)"},
}

// find returns what a request is for.
func find(r *http.Request) (*operation, map[string]string, error) {
	escaped := r.URL.EscapedPath()
	have := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i := range table {
		op := &table[i]
		if op.verb != r.Method || op.mode != r.URL.Query().Get("mode") && (op.mode != "" || isMode(r)) {
			continue
		}
		if labels, ok := labelsOf(op.path, have); ok {
			return op, labels, nil
		}
	}
	for _, f := range foreign {
		if begins(f.path, have) {
			return nil, nil, unsupported(f.what)
		}
	}
	return nil, nil, &fault{"UnknownOperationException", http.StatusNotFound, "There is no such operation: " + r.Method + " " + r.URL.Path + "."}
}

// isMode reports whether mode tells operations apart: a PUT has one that does not.
func isMode(r *http.Request) bool { return r.Method == http.MethodPost }

// labelsOf returns what stands in the places of a pattern's names.
func labelsOf(pattern string, have []string) (map[string]string, bool) {
	want := strings.Split(pattern[1:], "/")
	if len(want) != len(have) {
		return nil, false
	}
	labels := map[string]string{}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != have[i] {
				return nil, false
			}
			continue
		}
		label, err := url.PathUnescape(have[i])
		if err != nil || label == "" {
			return nil, false
		}
		labels[w[1:len(w)-1]] = label
	}
	return labels, true
}

func begins(pattern string, have []string) bool {
	want := strings.Split(pattern[1:], "/")
	if len(have) < len(want) {
		return false
	}
	for i, w := range want {
		if w != "{}" && w != have[i] {
			return false
		}
	}
	return true
}
