package management

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// methodSettingPatches are the paths of what a stage says of one method or of all.
func methodSettingPatches() (rules []patchRule[stageEdit]) {
	for path, set := range map[string]func(m *models.MethodSetting, value string) error{
		"throttling/rateLimit": func(m *models.MethodSetting, value string) error {
			rate, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return badRequest("Invalid throttling rate limit: %s. It is a number, or -1 for no limit", value)
			}
			m.Rate = &rate
			return nil
		},
		"throttling/burstLimit": setBurst,
		"metrics/enabled":       setSwitch(func(m *models.MethodSetting) *bool { return &m.Metrics }),
		"logging/dataTrace":     setSwitch(func(m *models.MethodSetting) *bool { return &m.DataTrace }),
		"logging/loglevel":      setChoice("logging level", func(m *models.MethodSetting) *string { return &m.LoggingLevel }, "OFF", "ERROR", "INFO"),
		"caching/enabled":       setSwitch(func(m *models.MethodSetting) *bool { return &m.Caching }),
		"caching/dataEncrypted": setSwitch(func(m *models.MethodSetting) *bool { return &m.CacheEncrypted }),
		"caching/ttlInSeconds":  setCacheTTL,
		"caching/requireAuthorizationForCacheControl": func(m *models.MethodSetting, value string) error {
			m.OpenControl = !isTrue(value)
			return nil
		},
		"caching/unauthorizedCacheControlHeaderStrategy": setChoice("unauthorized cache control header strategy", func(m *models.MethodSetting) *string { return &m.Unauthorized },
			"FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"),
	} {
		rules = append(rules, patchRule[stageEdit]{"/{path...}/{verb}/" + path, opSet, func(to *stageEdit, in patchOperation, at parts) error {
			return to.set(in, at, strings.TrimSuffix(in.Path, "/"+path), set)
		}})
	}
	return append(rules, patchRule[stageEdit]{"/{path...}/{verb}", opRemove, (*stageEdit).forgetMethod})
}

func setSwitch(field func(*models.MethodSetting) *bool) func(*models.MethodSetting, string) error {
	return func(m *models.MethodSetting, value string) error {
		*field(m) = isTrue(value)
		return nil
	}
}

func setChoice(what string, field func(*models.MethodSetting) *string, values ...string) func(*models.MethodSetting, string) error {
	return func(m *models.MethodSetting, value string) error {
		if !slices.Contains(values, value) {
			return badRequest("Invalid %s: %s. Must be one of: [%s]", what, value, strings.Join(values, ", "))
		}
		*field(m) = value
		return nil
	}
}

// setBurst sets a burst. Where no rate was set, it is the one that answers show meanwhile.
func setBurst(m *models.MethodSetting, value string) error {
	burst, err := strconv.Atoi(value)
	if err != nil {
		return badRequest("Invalid throttling burst limit: %s. It is a whole number, or -1 for no limit", value)
	}
	if m.Burst = &burst; m.Rate == nil && burst != models.NoMethodLimit {
		rate := float64(shownRate)
		m.Rate = &rate
	}
	return nil
}

func setCacheTTL(m *models.MethodSetting, value string) error {
	seconds, err := strconv.Atoi(value)
	switch {
	case err != nil || seconds < 0 || seconds > 3600:
		return badRequest("Invalid cache TTL: %s. It is a whole number of seconds, at most 3600", value)
	case seconds == 0:
		return badRequest("Invalid cache TTL: 0 keeps nothing. Set caching/enabled to false instead")
	}
	m.CacheTTL = time.Duration(seconds) * time.Second
	return nil
}

// settingName says which method a path is about: its name among the settings, and the key under which its client will look for it, empty if that is the plain one.
func settingName(at parts, given string) (name, key string, ok bool) {
	path, verb := at["path"], at["verb"]
	if path == "*" && verb == "*" {
		return models.AllMethods, "", true
	}
	path = "/" + strings.TrimPrefix(path, "/")
	if path == "/*" || models.CheckMethod(verb, path) != nil {
		return "", "", false
	}
	if key = strings.TrimPrefix(given, "/"); key == plainKey(verb, path) {
		key = ""
	}
	return verb + " " + path, key, true
}

// set changes the setting of the method that a path names. A new one begins as that of all methods is.
func (e *stageEdit) set(in patchOperation, at parts, given string, change func(*models.MethodSetting, string) error) error {
	name, key, ok := settingName(at, given)
	if !ok {
		return refuseStagePatch(in)
	}
	m, there := e.Settings.Methods[name]
	if !there || name == models.AllMethods {
		m = ofAllMethods(e.Stage)
	}
	m.Key = key
	if err := change(&m, in.Value); err != nil {
		return err
	}
	e.caching = e.caching || !there || strings.Contains(in.Path, "/caching/")
	if e.Settings.Methods == nil {
		e.Settings.Methods = map[string]models.MethodSetting{}
	}
	e.Settings.Methods[name] = m
	if name == models.AllMethods {
		throttle, _, err := m.Throttle()
		if err != nil {
			return err
		}
		e.Throttle = throttle
	}
	return nil
}

// forgetMethod takes the setting of a method away.
func (e *stageEdit) forgetMethod(in patchOperation, at parts) error {
	name, _, ok := settingName(at, in.Path)
	if !ok {
		return refuseStagePatch(in)
	}
	_, there := e.Settings.Methods[name]
	if name == models.AllMethods {
		there, e.Throttle = there || e.Throttle != nil, nil
	}
	if !there {
		return badRequest("Cannot remove method setting %s because there is no method setting for this method ", strings.TrimPrefix(in.Path, "/"))
	}
	delete(e.Settings.Methods, name)
	if len(e.Settings.Methods) == 0 {
		e.Settings.Methods = nil
	}
	e.caching = true
	return nil
}
