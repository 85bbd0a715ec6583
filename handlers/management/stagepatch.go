package management

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/models"
)

// stageEdit is a stage under a PATCH.
type stageEdit struct {
	models.Stage
	caching bool // what is kept of answers has to be found out anew
}

// stagePatches are what a PATCH may change of a stage. Paths of methods come last: they are patterns that other paths match, too.
var stagePatches = patchTable[stageEdit]{rules: slices.Concat(stageOwnPatches, stageCanaryPatches, methodSettingPatches()), refuse: refuseStagePatch}

const (
	opSet   = "replace add"
	opUnset = "replace add remove"
)

var stageOwnPatches = []patchRule[stageEdit]{
	{"/deploymentId", opSet, func(to *stageEdit, in patchOperation, _ parts) (err error) {
		to.Deployment, err = readDeployment(in.Value)
		return err
	}},
	{"/description", opUnset, setText(func(to *stageEdit) *string { return &to.Settings.Notes.Description })},
	{"/documentationVersion", opUnset, setText(func(to *stageEdit) *string { return &to.Settings.Notes.DocumentationVersion })},
	{"/clientCertificateId", opUnset, func(to *stageEdit, in patchOperation, _ parts) (err error) {
		if to.Settings.TLS.Certificate = 0; in.Op == opRemove || in.Value == "" {
			return nil
		}
		if to.Settings.TLS.Certificate, err = models.ParseID[models.ClientCertificate](in.Value); err != nil {
			return badRequest("Invalid Client Certificate identifier specified")
		}
		return nil
	}},
	{"/cacheClusterEnabled", opSet, func(to *stageEdit, in patchOperation, _ parts) error {
		to.Settings.Notes.CacheCluster, to.caching = isTrue(in.Value), true
		return nil
	}},
	{"/cacheClusterSize", opUnset, func(to *stageEdit, in patchOperation, _ parts) error {
		if in.Op == opRemove {
			in.Value = ""
		} else if !slices.Contains(cacheSizes, in.Value) {
			return badRequest("Invalid cache cluster size: %s. Must be one of: [%s]", in.Value, strings.Join(cacheSizes, ", "))
		}
		to.Settings.Notes.CacheSize = in.Value
		return nil
	}},
	{"/tracingEnabled", opSet, func(to *stageEdit, in patchOperation, _ parts) error {
		to.Settings.Notes.Tracing = isTrue(in.Value)
		return nil
	}},
	{"/variables/{name}", opUnset, func(to *stageEdit, in patchOperation, at parts) error {
		to.Settings.Variables = withVariable(to.Settings.Variables, in, at["name"])
		return nil
	}},
	{"/accessLogSettings/destinationArn", opUnset, setText(func(to *stageEdit) *string { return &to.Settings.Notes.LogDestination })},
	{"/accessLogSettings/format", opUnset, setText(func(to *stageEdit) *string { return &to.Settings.Notes.LogFormat })},
	{"/accessLogSettings", opRemove, func(to *stageEdit, _ patchOperation, _ parts) error {
		to.Settings.Notes.LogDestination, to.Settings.Notes.LogFormat = "", ""
		return nil
	}},
}

// withVariable sets a variable or takes it away.
func withVariable(variables map[string]string, in patchOperation, name string) map[string]string {
	if in.Op == opRemove {
		delete(variables, name)
		return orNoVariables(variables)
	}
	if variables == nil {
		variables = map[string]string{}
	}
	variables[name] = in.Value
	return variables
}

// The parts of a promotion.
const (
	canaryDeployment = "/canarySettings/deploymentId"
	canaryOverrides  = "/canarySettings/stageVariableOverrides"
)

var stageCanaryPatches = []patchRule[stageEdit]{
	{"/deploymentId", opCopy, promote(canaryDeployment, func(to *stageEdit) { to.Deployment = to.Settings.Canary.Deployment })},
	{"/variables", opCopy, promote(canaryOverrides, func(to *stageEdit) { to.Settings.Variables = to.Settings.CanaryVariables() })},
	{"/canarySettings/percentTraffic", opReplace, func(to *stageEdit, in patchOperation, _ parts) error {
		percent, err := strconv.ParseFloat(in.Value, 64)
		if err != nil {
			return badRequest("Invalid percentTraffic: %s. It is a number of 0.0 to 100.0", in.Value)
		}
		to.canary().Percent = percent
		return nil
	}},
	{canaryDeployment, opReplace, func(to *stageEdit, in patchOperation, _ parts) (err error) {
		to.canary().Deployment, err = readDeployment(in.Value)
		return err
	}},
	{canaryOverrides + "/{name}", "replace remove", func(to *stageEdit, in patchOperation, at parts) error {
		to.canary().Variables = withVariable(to.canary().Variables, in, at["name"])
		return nil
	}},
	{canaryOverrides, opRemove, func(to *stageEdit, _ patchOperation, _ parts) error {
		to.canary().Variables = nil
		return nil
	}},
	{"/canarySettings/useStageCache", opReplace, func(to *stageEdit, in patchOperation, _ parts) error {
		to.canary()
		to.Settings.Notes.CanaryCache = isTrue(in.Value)
		return nil
	}},
	{"/canarySettings", opRemove, func(to *stageEdit, _ patchOperation, _ parts) error {
		to.Settings.Canary, to.Settings.Notes.CanaryCache = nil, false
		return nil
	}},
}

// canary is the stage's canary; one that gets nobody yet where it has none.
func (e *stageEdit) canary() *models.Canary {
	if e.Settings.Canary == nil {
		e.Settings.Canary = &models.Canary{Deployment: e.Deployment}
	}
	return e.Settings.Canary
}

// promote copies a part of the canary's to the stage.
func promote(from string, take func(*stageEdit)) func(*stageEdit, patchOperation, parts) error {
	return func(to *stageEdit, in patchOperation, _ parts) error {
		if in.From != from {
			return refuseStagePatch(in)
		}
		if to.Settings.Canary == nil {
			return badRequest("Promotion not available. Canary does not exist.")
		}
		take(to)
		return nil
	}
}

// stagePaths are those of a stage's PATCH, as AWS prints them.
const stagePaths = "[/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, /tracingEnabled]"

func refuseStagePatch(in patchOperation) error {
	switch {
	case in.Op == opCopy:
		return badRequest("Invalid copy operation with path: %s and from %s. Valid copy:path are [/deploymentId, /variables] and valid copy:from are [%s, %s]",
			in.Path, in.From, canaryDeployment, canaryOverrides)
	case in.Op == opAdd && strings.HasPrefix(in.Path, "/canarySettings"):
		return badRequest("Invalid add operation with path: %s", in.Path)
	}
	return badRequest("Invalid method setting path: %s. Must be one of: %s", in.Path, stagePaths)
}

func (c *call) updateStage() (any, error) {
	st, err := c.servedStage()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateStageInput")
	if err != nil {
		return nil, err
	}
	names, err := c.namesOf(st)
	if err != nil {
		return nil, err
	}
	st, err = c.Records.ReviseStage(c.ctx, c.actor, st.APIID, st.ID, func(st *models.Stage) error {
		e := stageEdit{Stage: *st}
		e.Settings.MethodsByCache(names)
		if err := stagePatches.apply(&e, ops); err != nil {
			return err
		}
		if e.caching {
			e.Settings.CacheByMethods()
		}
		*st = e.Stage
		return nil
	}, c.now)
	if err != nil {
		return nil, ifUnknown(servedFault(err), noStage)
	}
	return c.wireStage(st)
}
