// Package diff says what a document changes of an API: which operations and schemas come, go and change, and which of that breaks the programs of those who
// call it, each with the rule that says so.
//
//	before := diff.Side{Reference: old, Operations: diff.Operations(old)}
//	d, err := diff.Compare(ctx, before, diff.Side{Reference: new, Operations: diff.Operations(new)})
//	for _, item := range d.Items {
//		for _, c := range item.Changes {
//			fmt.Println(item.Name, c.Where(), c.Rule.Words())
//		}
//	}
//
// # What is compared with what
//
// Operations are matched by verb and path, and then by what requests they answer, so that another name for a parameter of the path is no removal. Schemas are
// followed where they stand in place. What a named schema (a model) says is compared once, for the directions in which it travels, however many operations use
// it; each of those names the models that it uses and that changed. What nothing refers to any more changes nobody's program.
//
// # What breaks
//
// A change is looked at from the caller's side. What he sends may be asked more of (a field that is required now, a smaller range): he is refused. What he
// receives may hold less or something else (a field that is gone, a value that he does not know): he does not find it. So most rules are about one of the two
// directions, and the same change may be harmless in the other. What a webhook or a callback sends is received, and its answer is sent.
//
// A rule has one of three levels: Breaking, Doubtful, which depends on the caller's program, and Harmless. They judge documents, not services: what the
// document never said nobody can compare.
//
// A Diff is plain data that survives JSON both ways, and is bounded: MaxChanges in one item, MaxAllChanges in all.
package diff
