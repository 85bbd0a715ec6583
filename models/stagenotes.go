package models

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// StageNotes is what clients of the management API say of a stage and read back. None of it has an effect on callers.
type StageNotes struct {
	Description          string `json:",omitzero"`
	DocumentationVersion string `json:",omitzero"`
	Tracing              bool   `json:",omitzero"`
	CacheCluster         bool   `json:",omitzero"` // a cache was asked for; what is kept is StageSettings.Cache's to say
	CacheSize            string `json:",omitzero"` // of that cache, in GB: "0.5"
	CanaryCache          bool   `json:",omitzero"` // the canary was to use the stage's cache
	LogDestination       string `json:",omitzero"`
	LogFormat            string `json:",omitzero"`
}

// Limits of what clients say, in characters.
const (
	maxDescription = 1024
	maxLogFormat   = 3000
)

// check judges what was said, at "description", "documentation_version", "cache_size", "log_destination" and "log_format".
func (n StageNotes) check(p *Problems) {
	p.Join(CheckDescription(n.Description))
	for field, text := range map[string]string{"documentation_version": n.DocumentationVersion, "cache_size": n.CacheSize, "log_destination": n.LogDestination} {
		checkText(p, field, text, maxDescription)
	}
	checkText(p, "log_format", n.LogFormat, maxLogFormat)
}

// CheckDescription judges a text of several lines that says what something is for; field "description".
func CheckDescription(text string) error {
	var p Problems
	checkText(&p, "description", text, maxDescription)
	return p.Err()
}

func checkText(p *Problems, field, text string, most int) {
	switch {
	case utf8.RuneCountInString(text) > most:
		p.Add(field, fmt.Sprintf("Use at most %d characters.", most))
	case !utf8.ValidString(text):
		p.Add(field, "This is no text in UTF-8.")
	default:
		for _, r := range text {
			if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
				p.Add(field, "Leave out control characters.")
			}
		}
	}
}

// Life says whether answers of a method that answers GET are kept, and for how long where they do not say it themselves. Name is Method.Name.
func (c *StageCache) Life(name string, id MethodID) (time.Duration, bool) {
	if ttl, named := c.Named[name]; named {
		return ttl, ttl > 0
	}
	if c.OnlyNamed {
		return 0, false
	}
	if len(c.Methods) == 0 {
		return c.TTL, true
	}
	return c.TTL, slices.Contains(c.Methods, id)
}

// DefaultCacheTTL is MethodSetting.CacheTTL where that is zero: AWS's.
const DefaultCacheTTL = 5 * time.Minute

// CacheLife is how long answers of the methods of a setting are kept; 0: they are not.
func (s MethodSetting) CacheLife() time.Duration {
	switch {
	case !s.Caching:
		return 0
	case s.CacheTTL == 0:
		return DefaultCacheTTL
	}
	return s.CacheTTL
}

// CacheByMethods makes the stage's cache what its method settings say, where a cache was asked for. What they do not speak of, such as Vary, stays.
func (s *StageSettings) CacheByMethods() {
	c := StageCache{TTL: s.Methods[AllMethods].CacheLife()}
	if s.Cache != nil {
		c.Vary, c.MaxBody, c.Bypass, c.Epoch = s.Cache.Vary, s.Cache.MaxBody, s.Cache.Bypass, s.Cache.Epoch
	}
	keeps := c.TTL > 0
	c.OnlyNamed = !keeps
	for name, m := range s.Methods {
		life := m.CacheLife()
		if name == AllMethods || life == 0 && c.OnlyNamed {
			continue
		}
		if c.Named == nil {
			c.Named = map[string]time.Duration{}
		}
		c.Named[name], keeps = life, keeps || life > 0
	}
	if c.OnlyNamed {
		c.TTL = DefaultCacheTTL // of none
	}
	if s.Cache = nil; keeps && s.Notes.CacheCluster {
		s.Cache = &c
	}
}

// MethodsByCache makes the method settings say what the stage's cache does, where somebody else than they said so. Names are those of the methods by id that
// the cache names so; ids without a name are of methods that are gone.
func (s *StageSettings) MethodsByCache(names map[MethodID]string) {
	c := s.Cache
	if c == nil || c.OnlyNamed || len(c.Named) > 0 || s.Methods[AllMethods].CacheLife() == c.TTL && len(c.Methods) == 0 {
		return
	}
	s.Notes.CacheCluster, s.Methods = true, withoutCaching(s.Methods)
	kept := func(name string) {
		m := s.Methods[name]
		m.Caching, m.CacheTTL = true, c.TTL
		s.Methods[name] = m
	}
	if s.Methods == nil {
		s.Methods = map[string]MethodSetting{}
	}
	if len(c.Methods) == 0 {
		kept(AllMethods)
	}
	for _, id := range c.Methods {
		if name := names[id]; name != "" {
			kept(name)
		}
	}
}

// ForgetMethodCaching takes what method settings say of caching away: the stage's cache says it by itself from now on.
func (s *StageSettings) ForgetMethodCaching() {
	if s.Methods = withoutCaching(s.Methods); s.Cache == nil {
		s.Notes.CacheCluster = false
	}
}

func withoutCaching(methods map[string]MethodSetting) map[string]MethodSetting {
	methods = maps.Clone(methods)
	for name, m := range methods {
		m.Caching, m.CacheTTL = false, 0
		methods[name] = m
	}
	return methods
}
