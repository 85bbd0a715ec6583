package models

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Limits of stage variables, as AWS has them.
const (
	MaxVariables     = 100
	maxVariableName  = 64
	maxVariableValue = 512
)

var (
	variableName  = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	variableValue = regexp.MustCompile(`^[A-Za-z0-9._~:/?#&=,-]{1,512}$`)
)

// CheckVariable judges one stage variable by AWS's rules; field "variables".
func CheckVariable(name, value string) error {
	switch {
	case name == "":
		return Invalid("variables", "Enter a name, too.")
	case !variableName.MatchString(name):
		return Invalid("variables", fmt.Sprintf("A name has 1 to %d letters, digits and underscores; %q is none.", maxVariableName, cutLine(name, 80)))
	case !variableValue.MatchString(value):
		return Invalid("variables", fmt.Sprintf("The value of %s has 1 to %d letters, digits and the signs - . _ ~ : / ? # & = ,", name, maxVariableValue))
	}
	return nil
}

const variableStart = "${stageVariables."

// ExpandVariables puts values in the place of every ${stageVariables.name} of a text. What else begins with ${ stays as it is. The error
// names a variable that is not there, or says that a reference has no end.
func ExpandVariables(text string, variables map[string]string) (string, error) {
	if !strings.Contains(text, variableStart) {
		return text, nil
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, variableStart)
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, rest, ended := strings.Cut(after, "}")
		if !ended {
			return "", Invalid("variables", "A "+variableStart+" has no } behind it.")
		}
		value, ok := variables[name]
		if !ok {
			return "", Invalid("variables", fmt.Sprintf("There is no variable %q.", cutLine(name, 80)))
		}
		b.WriteString(value)
		text = rest
	}
}

// CanaryVariables are the variables of who gets the canary: the stage's own, with the canary's in their place. Without a canary they are the stage's.
func (s StageSettings) CanaryVariables() map[string]string {
	if s.Canary == nil || len(s.Canary.Variables) == 0 {
		return s.Variables
	}
	all := make(map[string]string, len(s.Variables)+len(s.Canary.Variables))
	maps.Copy(all, s.Variables)
	maps.Copy(all, s.Canary.Variables)
	return all
}

// expansions are what a text says to callers of the stage and of its canary; a sentence instead where a reference leads nowhere.
func (s StageSettings) expansions(text string) (texts []string, problem string) {
	for i, variables := range []map[string]string{s.Variables, s.CanaryVariables()} {
		if i == 1 && (s.Canary == nil || len(s.Canary.Variables) == 0) {
			break
		}
		expanded, err := ExpandVariables(text, variables)
		if err != nil {
			return nil, Sentence(err)
		}
		texts = append(texts, expanded)
	}
	return texts, ""
}

// checkVariables judges variables at a field.
func checkVariables(p *Problems, field string, variables map[string]string) {
	if len(variables) > MaxVariables {
		p.Add(field, fmt.Sprintf("Use at most %d variables.", MaxVariables))
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if err := CheckVariable(name, variables[name]); err != nil {
			p.Add(field, Sentence(err))
		}
	}
}
