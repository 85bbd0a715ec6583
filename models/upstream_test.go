package models_test

import (
	"strings"
	"testing"

	"gatehouse/models"
)

func TestUpstreamAddressesAreReadInOneWay(t *testing.T) {
	variables := map[string]string{"host": "api.example.com", "port": "8443", "version": "v2", "socket": "/run/app.sock"}
	tests := []struct{ address, want, problem string }{
		{"https://api.example.com", "https://api.example.com", ""},
		{"http://api.example.com:8080/base/", "http://api.example.com:8080/base", ""},
		{"h2c://api.example.com:50051", "h2c://api.example.com:50051", ""},
		{"https://[2001:db8::1]:8443/a%20b", "https://[2001:db8::1]:8443/a%20b", ""},
		{"unix:///run/app.sock", "unix:///run/app.sock", ""},
		{"unix:///run/app.sock:/v1/", "unix:///run/app.sock:/v1", ""},
		{"https://${stageVariables.host}:${stageVariables.port}/${stageVariables.version}", "https://api.example.com:8443/v2", ""},
		{"unix://${stageVariables.socket}:/v1", "unix:///run/app.sock:/v1", ""},
		{"https://${stageVariables.nobody}", "", `no variable "nobody"`},
		{"https://${host}", "", "${stageVariables.name}"},
		{"ftp://api.example.com", "", "must begin with"},
		{"api.example.com", "", "full address"},
		{"https://api.example.com:65536", "", "The port"},
		{"https://", "", "full address"},
		{"https://user@api.example.com", "", "Leave out"},
		{"https://api.example.com?", "", "Leave out"},
		{"https://api.example.com/#a", "", "Leave out"},
		{"unix://run/app.sock", "", "whole path"},
		{"unix:///run/../etc/app.sock", "", "whole path"},
		{"unix:///", "", "whole path"},
		{"unix:///run/app.sock:v1", "", "only a path"},
		{"unix:///run/app.sock:/v1?a=1", "", "only a path"},
		{"unix:///" + strings.Repeat("x", 200), "", "whole path"},
	}
	for _, tt := range tests {
		got, err := models.ResolveUpstream(tt.address, variables)
		switch {
		case tt.problem != "":
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%s: %v, want %q", tt.address, err, tt.problem)
			}
		case err != nil || got.String() != tt.want:
			t.Errorf("%s: %s, %v, want %s", tt.address, got, err, tt.want)
		}
	}
}
