package openapi

import "testing"

// TestOperationsHaveReadableNamesInAddresses: the name follows the operationId, and no two have the same.
func TestOperationsHaveReadableNamesInAddresses(t *testing.T) {
	var names Slugs
	names.Reserve("models")
	for _, test := range []struct{ id, verb, path, want string }{
		{"listPets", "GET", "/pets", "list-pets"},
		{"repos/list-for-user", "GET", "/users/{u}/repos", "repos-list-for-user"},
		{"readCoreV1NamespacedPod", "GET", "/x", "read-core-v1-namespaced-pod"},
		{"getURLOfPet", "GET", "/x", "get-url-of-pet"},
		{"", "GET", "/users/{id}", "get-users-id"},
		{"", "GET", "/", "get-root"},
		{"", "ANY", "/files/{proxy+}", "any-files-proxy"},
		{"日本", "POST", "/語", "post"},
		{"list_pets", "GET", "/other", "list-pets-2"},
		{"listPets", "GET", "/third", "list-pets-3"},
		{"models", "GET", "/models", "models-2"},
	} {
		if got := names.Name(Operation{ID: test.id, Verb: test.verb, Path: test.path}); got != test.want {
			t.Errorf("%s %s %s: got %q, want %q", test.id, test.verb, test.path, got, test.want)
		}
	}
}
