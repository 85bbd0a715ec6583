package management

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/models"
)

// fault is an error as the wire has it.
type fault struct {
	code    string // AWS's name
	status  int
	message string
}

// Error implements error.
func (f *fault) Error() string { return f.message }

// AWS's names of errors, with their statuses.
const (
	codeBadRequest    = "BadRequestException"
	codeValidation    = "ValidationException"
	codeSerialization = "SerializationException"
	codeNotFound      = "NotFoundException"
	codeConflict      = "ConflictException"
	codeLimit         = "LimitExceededException"
	codeDenied        = "AccessDeniedException"
	codeInternal      = "InternalFailure"
)

func badRequest(format string, args ...any) error {
	return &fault{codeBadRequest, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// unsupported refuses what this gateway does not do: better than to take it and not to do it.
func unsupported(what string) error {
	return badRequest("%s is not supported by Gatehouse.", what)
}

func notFound(format string, args ...any) error {
	return &fault{codeNotFound, http.StatusNotFound, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &fault{codeConflict, http.StatusConflict, fmt.Sprintf(format, args...)}
}

func malformed(format string, args ...any) error {
	return &fault{codeSerialization, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// constraints are what AWS's model demands of the members of a request, and were not met.
type constraints []string

// add notes a member that breaks its constraint: its value, its name such as "createUsagePlanInput.quota.period", and what it must do.
func (c *constraints) add(value, member, must string) {
	*c = append(*c, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, member, must))
}

// required notes a member that is not there.
func (c *constraints) required(member string) {
	*c = append(*c, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", member))
}

// oneOf notes a member that is none of the values of an enum.
func (c *constraints) oneOf(value, member string, values ...string) {
	for _, v := range values {
		if v == value {
			return
		}
	}
	c.add(value, member, "satisfy enum value set: ["+strings.Join(values, ", ")+"]")
}

// err is nil if all were met.
func (c constraints) err() error {
	if len(c) == 0 {
		return nil
	}
	noun := "errors"
	if len(c) == 1 {
		noun = "error"
	}
	return &fault{codeValidation, http.StatusBadRequest, fmt.Sprintf("%d validation %s detected: %s", len(c), noun, strings.Join(c, "; "))}
}

// faultOf is how an error is told; nil: it is a fault of ours, and not told at all.
func faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var e *models.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Kind {
	case models.KindNotFound, models.KindGone:
		return &fault{codeNotFound, http.StatusNotFound, e.Error()}
	case models.KindConflict:
		return &fault{codeConflict, http.StatusConflict, e.Error()}
	case models.KindDenied:
		return &fault{codeDenied, http.StatusForbidden, e.Error()}
	case models.KindTooMany:
		return &fault{"TooManyRequestsException", http.StatusTooManyRequests, e.Error()}
	default:
		return &fault{codeBadRequest, http.StatusBadRequest, e.Error()}
	}
}

// ifUnknown replaces an error that says that there is no such thing by AWS's words for it.
func ifUnknown(err error, format string, args ...any) error {
	if models.KindOf(err) == models.KindNotFound {
		return notFound(format, args...)
	}
	return err
}

// codeIs reports whether an error is told by one of AWS's names.
func codeIs(err error, code string) bool {
	f := faultOf(err)
	return err != nil && f != nil && f.code == code
}
