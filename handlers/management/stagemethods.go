package management

import (
	"cmp"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// wireMethodSetting has all its members in each answer.
type wireMethodSetting struct {
	Metrics        bool   `json:"metricsEnabled"`
	LoggingLevel   string `json:"loggingLevel,omitempty"`
	DataTrace      bool   `json:"dataTraceEnabled"`
	Burst          int64  `json:"throttlingBurstLimit"`
	Rate           float  `json:"throttlingRateLimit"`
	Caching        bool   `json:"cachingEnabled"`
	CacheTTL       int64  `json:"cacheTtlInSeconds"`
	CacheEncrypted bool   `json:"cacheDataEncrypted"`
	Closed         bool   `json:"requireAuthorizationForCacheControl"`
	Unauthorized   string `json:"unauthorizedCacheControlHeaderStrategy"`
}

// wireSettingsOf are a stage's method settings by AWS's keys.
func wireSettingsOf(st models.Stage) map[string]wireMethodSetting {
	out := map[string]wireMethodSetting{}
	for name, m := range st.Settings.Methods {
		if name == models.AllMethods {
			m = ofAllMethods(st)
		}
		out[settingKey(name, m)] = wireSettingOf(m)
	}
	if st.Throttle != nil {
		out[allMethodsKey] = wireSettingOf(ofAllMethods(st))
	}
	return out
}

// ofAllMethods is what a stage says of every method: its throttle is the stage's own, which pages change, too.
func ofAllMethods(st models.Stage) models.MethodSetting {
	m := st.Settings.Methods[models.AllMethods]
	said, _, _ := m.Throttle() // what is not valid was not kept
	switch {
	case said != nil && st.Throttle != nil && *said == *st.Throttle:
	case st.Throttle != nil:
		burst := int(st.Throttle.Burst)
		m.Rate, m.Burst = &st.Throttle.Rate, &burst
	case m.Rate != nil && *m.Rate >= 0 && (m.Burst == nil || *m.Burst >= 0): // somebody took it away
		m.Rate, m.Burst = nil, nil
	}
	return m
}

const allMethodsKey = "*/*"

// settingKey is the key of a method's setting: no slash before it, those inside escaped.
func settingKey(name string, m models.MethodSetting) string {
	if name == models.AllMethods {
		return allMethodsKey
	}
	verb, path, _ := strings.Cut(name, " ")
	return cmp.Or(m.Key, plainKey(verb, path))
}

func plainKey(verb, path string) string {
	if path == "/" {
		return escape(path) + "/" + verb
	}
	return escape(strings.TrimPrefix(path, "/")) + "/" + verb
}

func wireSettingOf(m models.MethodSetting) wireMethodSetting {
	out := wireMethodSetting{
		Metrics: m.Metrics, LoggingLevel: m.LoggingLevel, DataTrace: m.DataTrace, Burst: shownBurst, Rate: shownRate, Caching: m.Caching,
		CacheTTL: int64(cmp.Or(m.CacheTTL, models.DefaultCacheTTL) / time.Second), CacheEncrypted: m.CacheEncrypted, Closed: !m.OpenControl,
		Unauthorized: cmp.Or(m.Unauthorized, "SUCCEED_WITH_RESPONSE_HEADER"),
	}
	if m.Rate != nil {
		out.Rate, out.Burst = float(*m.Rate), limit.BurstFor(*m.Rate)
	}
	if m.Burst != nil {
		out.Burst = int64(*m.Burst)
	} else if m.Rate != nil && *m.Rate < 0 {
		out.Burst = models.NoMethodLimit
	}
	return out
}
