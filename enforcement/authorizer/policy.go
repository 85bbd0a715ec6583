package authorizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatehouse/models"
)

// policy is what is read of a policy as AWS's authorizers answer them: statements of Effect, Action and Resource. Whatever else they may have is not
// understood, and an answer with it is none.
type policy struct {
	statements []statement
	size       int
}

type statement struct {
	allow     bool
	resources []string // patterns
}

const maxStatements = 100

// readPolicy leaves out statements about other actions.
func readPolicy(raw json.RawMessage) (*policy, error) {
	var document struct {
		Statement json.RawMessage
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("its policy cannot be read: %w", err)
	}
	var statements []map[string]json.RawMessage
	if err := json.Unmarshal(document.Statement, &statements); err != nil {
		var one map[string]json.RawMessage
		if json.Unmarshal(document.Statement, &one) != nil {
			return nil, errors.New("its policy has no statements")
		}
		statements = append(statements, one)
	}
	if len(statements) > maxStatements {
		return nil, fmt.Errorf("its policy has more than %d statements", maxStatements)
	}
	p := &policy{size: len(raw)}
	for _, s := range statements {
		if err := p.add(s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *policy) add(s map[string]json.RawMessage) error {
	var effect string
	var actions, resources []string
	for name, raw := range s {
		var err error
		switch name {
		case "Effect":
			err = json.Unmarshal(raw, &effect)
		case "Action":
			actions, err = oneOrMore(raw)
		case "Resource":
			resources, err = oneOrMore(raw)
		case "Sid":
		default:
			err = fmt.Errorf("%.40q is not understood", name)
		}
		if err != nil {
			return fmt.Errorf("its policy's statement: %w", err)
		}
	}
	if effect != "Allow" && effect != "Deny" || len(actions) == 0 || len(resources) == 0 {
		return errors.New("its policy's statement lacks Effect, Action or Resource")
	}
	for _, action := range actions {
		if matches(strings.ToLower(action), "execute-api:invoke") {
			p.statements = append(p.statements, statement{effect == "Allow", resources})
			break
		}
	}
	return nil
}

func oneOrMore(raw json.RawMessage) (list []string, err error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	err = json.Unmarshal(raw, &list)
	return list, err
}

// allows reports whether some statement allows the request and none denies it.
func (p *policy) allows(q *Question) (allowed bool) {
	arn := arnOf(q, q.Path)
	template := arnOf(q, q.Resource)
	for _, s := range p.statements {
		for _, pattern := range s.resources {
			if !matches(pattern, arn) && pattern != template {
				continue
			}
			if !s.allow {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// arnOf names what a request is for as AWS does. Region and account are none of ours.
func arnOf(q *Question, path string) string {
	return "arn:aws:execute-api:gatehouse:000000000000:" + q.API.String() + "/" + q.StageName + "/" + q.Verb + "/" + strings.TrimPrefix(path, "/")
}

// matches compares a text with a pattern in which * stands for any number of signs and ? for one.
func matches(pattern, text string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// depends reports whether an answer may depend on the path of the request itself: where it is used again for others of the method, it may not.
func (a *Authorizer) dependsOnPath() bool {
	return a.TTL == 0 || a.HTTP.Reuse != models.ReuseMethod
}
