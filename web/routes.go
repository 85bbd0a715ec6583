package web

import (
	"github.com/gin-gonic/gin"

	"gatehouse/handlers"
	"gatehouse/models"
)

// Pages are the page families, ready to answer.
type Pages struct {
	Public   *handlers.Public
	Catalog  *handlers.Catalog
	Guides   *handlers.Guides
	Problems *handlers.Problems
	SignIn   *handlers.SignIn
	Links    *handlers.Links
	Me       *handlers.Me
	Help     *handlers.Help
	Search   *handlers.Search
	SiteMap  *handlers.SiteMap
	Brand    *handlers.Brand

	Home          *handlers.Home
	Apps          *handlers.Apps
	Keys          *handlers.Keys
	Subscribe     *handlers.Subscribe
	Subscriptions *handlers.Subscriptions
	Usage         *handlers.Usage
	Receipts      *handlers.Receipts
	Notices       *handlers.ChangeNotices
	Changelog     *handlers.Changelog
	OwnerChanges  *handlers.OwnerChanges
	Logs          *handlers.Logs

	OwnerOverview      *handlers.OwnerOverview
	OwnerAPIs          *handlers.OwnerAPIs
	OwnerDocuments     *handlers.OwnerDocuments
	OwnerStages        *handlers.OwnerStages
	OwnerDomains       *handlers.OwnerDomains
	Certificates       *handlers.Certificates
	AccessKeys         *handlers.AccessKeys
	OwnerAuthorizers   *handlers.OwnerAuthorizers
	OwnerGuides        *handlers.OwnerGuides
	OwnerPlans         *handlers.OwnerPlans
	OwnerSubscriptions *handlers.OwnerSubscriptions
	OwnerKeys          *handlers.OwnerKeys
	OwnerOverrides     *handlers.OwnerOverrides
	OwnerCustomers     *handlers.OwnerCustomers
	SeeAs              *handlers.SeeAs
	OwnerImports       *handlers.OwnerImports
	OwnerUsage         *handlers.OwnerUsage
	OwnerAnalytics     *handlers.OwnerAnalytics
	Statements         *handlers.Statements

	Mails    *handlers.MailPages
	Alerts   *handlers.Alerts
	Webhooks *handlers.Webhooks
	Outbox   *handlers.Outbox

	Admin   *handlers.Admin
	Domains *handlers.AdminDomains
	Look    *handlers.Look
	System  *handlers.System
	Audit   *handlers.Audit
}

// routes is the list of everything that the portal answers.
func routes(e *gin.Engine, site *handlers.Site, p Pages) {
	public(group{e, site, nil}, p)
	account(group{e, site, []handlers.Guard{handlers.SignedIn}}, p)
	developer(group{e, site, []handlers.Guard{handlers.SignedIn}}, p)
	lasting(group{e, site, []handlers.Guard{handlers.SignedIn, handlers.Proved}}, p)
	owner(group{e, site, []handlers.Guard{handlers.SignedIn, handlers.AtLeast(models.RoleOwner)}}, p)
	admin(group{e, site, []handlers.Guard{handlers.SignedIn, handlers.AtLeast(models.RoleAdmin)}}, p)
}

// public is for everybody.
func public(g group, p Pages) {
	g.get("/", p.Public.Landing)
	g.get("/apis", p.Catalog.List)
	g.get("/apis/:slug", p.Catalog.Show)
	g.get("/apis/:slug/llms.txt", p.Catalog.OverviewText)
	g.get("/apis/:slug/openapi.json", p.Catalog.OpenAPIJSON)
	g.get("/apis/:slug/openapi.yaml", p.Catalog.OpenAPIYAML)
	g.get("/apis/:slug/plans", p.Catalog.Plans)
	g.get("/apis/:slug/changes", p.Changelog.Show)
	g.get("/apis/:slug/changes.md", p.Changelog.Text)
	g.get("/apis/:slug/changes.atom", p.Changelog.Feed)
	g.get("/apis/:slug/docs", p.Catalog.Reference)
	g.get("/apis/:slug/docs.md", p.Catalog.OverviewText)
	g.get("/apis/:slug/docs/:op", p.Catalog.Operation)
	g.get("/apis/:slug/docs/models", p.Catalog.Models)
	g.get("/apis/:slug/docs/models.md", p.Catalog.Models)
	g.get("/apis/:slug/docs/models/:model", p.Catalog.Model)
	g.get("/llms.txt", p.Catalog.LLMs)
	g.get("/apis/:slug/guides", p.Guides.List)
	g.get("/apis/:slug/guides/:guide", p.Guides.Show)
	g.get("/problems", p.Problems.List)
	g.get("/problems/:name", p.Problems.Show)
	g.get("/search", p.Search.Show)
	g.asset("/look/:file", p.Brand.File)
	g.asset("/robots.txt", p.SiteMap.Robots)
	g.asset("/sitemap.xml", p.SiteMap.Pages)
	g.post("/theme", p.Me.Theme)
	g.form("/signin", p.SignIn.Show, p.SignIn.Submit)
	g.post("/signout", p.SignIn.Out)
	g.form("/join", p.SignIn.JoinForm, p.SignIn.Join)
	g.form("/setup/:token", p.Links.SetupForm, p.Links.Setup)
	g.form("/invite/:token", p.Links.InviteForm, p.Links.Invite)
	g.form("/reset/:token", p.Links.ResetForm, p.Links.Reset)
	g.form("/verify/:token", p.Mails.VerifyForm, p.Mails.Verify)
	g.form("/forgot", p.Mails.ForgotForm, p.Mails.Forgot)
	g.form("/unsubscribe/:token", p.Mails.UnsubscribeForm, p.Mails.Unsubscribe)
}

// account is for everybody who is signed in: themselves.
func account(g group, p Pages) {
	g.get("/me", p.Me.Show)
	g.post("/me", p.Me.Rename)
	g.post("/me/display", p.Me.Display)
	g.post("/me/password", p.Me.Password)
	g.post("/me/sessions/end", p.Me.EndSessions)
	g.post("/me/sessions/:handle/end", p.Me.EndSession)
	g.get("/help/keys", p.Help.Keys)
	g.post("/see-as/end", p.SeeAs.End)
	g.get("/me/data", p.Me.Data)
	g.form("/me/delete", p.Me.DeleteForm, p.Me.Delete)
	g.form("/me/mails", p.Mails.Preferences, p.Mails.SavePreferences)
	g.post("/me/verify", p.Mails.AskVerify)
	g.form("/confirm", p.SignIn.ConfirmForm, p.SignIn.Confirm)
}

// developer is for everybody who is signed in: apps, keys, usage.
func developer(g group, p Pages) {
	developerNotices(g, p)
	g.get("/home", p.Home.Show)
	g.post("/apis/:slug/docs/:op", p.Catalog.Try)
	g.form("/apis/:slug/ask", p.Subscribe.AskForm, p.Subscribe.Ask)
	g.form("/apps", p.Apps.List, p.Apps.Create)
	g.get("/apps/new", p.Apps.New)
	g.get("/apps/:app", p.Apps.Show)
	g.post("/apps/:app/rename", p.Apps.Rename)
	g.get("/apps/:app/keys/new", p.Keys.New)
	g.get("/keys", p.Keys.List)
	g.get("/keys/:key", p.Keys.Show)
	g.post("/keys/:key/rename", p.Keys.Rename)
	g.post("/keys/:key/expiry", p.Keys.Expiry)
	g.form("/keys/:key/rotate", p.Keys.RotateForm, p.Keys.Rotate)
	g.get("/keys/:key/callers", p.Keys.Callers)
	g.post("/keys/:key/stop-old", p.Keys.StopOld)
	g.form("/keys/:key/revoke", p.Keys.RevokeForm, p.Keys.Revoke)
	g.post("/keys/:key/try", p.Keys.Try)
	g.get("/subscriptions/:subscription", p.Subscriptions.Show)
	g.form("/subscriptions/:subscription/cancel", p.Subscriptions.CancelForm, p.Subscriptions.Cancel)
	g.form("/subscriptions/:subscription/change", p.Subscriptions.ChangeForm, p.Subscriptions.Change)
	g.get("/usage", p.Usage.Show)
	g.get("/usage.csv", p.Usage.File)
	g.get("/usage.json", p.Usage.File)
	g.get("/usage/live", p.Usage.Live)
	g.get("/statements", p.Statements.Own)
	g.get("/log", p.Logs.Show)
	g.get("/log/live", p.Logs.Live)
	g.get("/requests/:request", p.Receipts.Show)
	g.get("/notices", p.Notices.List)
	g.get("/notices/:notice", p.Notices.Show)
	g.post("/notices/:notice/acknowledge", p.Notices.Acknowledge)
}

// lasting is for whoever has proved an address, or still has time to: what makes keys.
func lasting(g group, p Pages) {
	g.form("/apis/:slug/subscribe", p.Subscribe.Form, p.Subscribe.Submit)
	g.post("/apps/:app/keys", p.Keys.Create)
}

// developerNotices are what a developer is told, and where.
func developerNotices(g group, p Pages) {
	g.form("/alerts", p.Alerts.List, p.Alerts.Create)
	g.get("/alerts/new", p.Alerts.New)
	g.form("/alerts/:alert", p.Alerts.Show, p.Alerts.Save)
	g.post("/alerts/:alert/mute", p.Alerts.Mute)
	g.post("/alerts/:alert/delete", p.Alerts.Delete)
	g.form("/webhooks", p.Webhooks.List, p.Webhooks.Create)
	g.get("/webhooks/new", p.Webhooks.New)
	g.form("/webhooks/:webhook", p.Webhooks.Show, p.Webhooks.Save)
	g.post("/webhooks/:webhook/test", p.Webhooks.Test)
	g.post("/webhooks/:webhook/enable", p.Webhooks.Enable)
	g.post("/webhooks/:webhook/disable", p.Webhooks.Disable)
	g.post("/webhooks/:webhook/rotate", p.Webhooks.Rotate)
	g.form("/webhooks/:webhook/delete", p.Webhooks.DeleteForm, p.Webhooks.Delete)
	g.get("/webhooks/:webhook/deliveries/:message", p.Webhooks.Delivery)
	g.post("/webhooks/:webhook/deliveries/:message/resend", p.Webhooks.Resend)
}

// ownerNotices are the same for owners.
func ownerNotices(g group, p Pages) {
	g.form("/owner/alerts", p.Alerts.List, p.Alerts.Create)
	g.get("/owner/alerts/new", p.Alerts.New)
	g.form("/owner/alerts/:alert", p.Alerts.Show, p.Alerts.Save)
	g.post("/owner/alerts/:alert/mute", p.Alerts.Mute)
	g.post("/owner/alerts/:alert/delete", p.Alerts.Delete)
	g.form("/owner/webhooks", p.Webhooks.List, p.Webhooks.Create)
	g.get("/owner/webhooks/new", p.Webhooks.New)
	g.form("/owner/webhooks/:webhook", p.Webhooks.Show, p.Webhooks.Save)
	g.post("/owner/webhooks/:webhook/test", p.Webhooks.Test)
	g.post("/owner/webhooks/:webhook/enable", p.Webhooks.Enable)
	g.post("/owner/webhooks/:webhook/disable", p.Webhooks.Disable)
	g.post("/owner/webhooks/:webhook/rotate", p.Webhooks.Rotate)
	g.form("/owner/webhooks/:webhook/delete", p.Webhooks.DeleteForm, p.Webhooks.Delete)
	g.get("/owner/webhooks/:webhook/deliveries/:message", p.Webhooks.Delivery)
	g.post("/owner/webhooks/:webhook/deliveries/:message/resend", p.Webhooks.Resend)
}

// owner is for owners: what is theirs.
func owner(g group, p Pages) {
	g.get("/owner", p.OwnerOverview.Show)
	g.get("/owner/audit", p.Audit.Show)
	g.get("/owner/usage", p.OwnerUsage.Show)
	g.get("/owner/usage.csv", p.OwnerUsage.File)
	g.get("/owner/usage.json", p.OwnerUsage.File)
	g.get("/owner/usage/live", p.OwnerUsage.Live)
	g.get("/owner/usage/customers", p.OwnerUsage.Customers)
	g.get("/owner/analytics", p.OwnerAnalytics.Show)
	g.get("/owner/statements", p.Statements.Owner)
	g.get("/owner/statements.csv", p.Statements.File)
	g.get("/owner/statements.json", p.Statements.File)
	g.get("/owner/log", p.Logs.Show)
	g.get("/owner/log/live", p.Logs.Live)
	ownerNotices(g, p)
	ownerAccessKeys(g, p)
	ownerAPIs(g, p)
	ownerDomains(g, p)
	ownerAuthorizers(g, p)
	ownerGuides(g, p)
	ownerChanges(g, p)
	ownerPlans(g, p)
	ownerCustomers(g, p)
}

// ownerAccessKeys are what programs sign with.
func ownerAccessKeys(g group, p Pages) {
	g.get("/owner/access-keys", p.AccessKeys.List)
	g.form("/owner/access-keys/new", p.AccessKeys.New, p.AccessKeys.Create)
	g.get("/owner/access-keys/:accesskey", p.AccessKeys.Show)
	g.post("/owner/access-keys/:accesskey/enable", p.AccessKeys.Enable)
	g.post("/owner/access-keys/:accesskey/disable", p.AccessKeys.Disable)
	g.form("/owner/access-keys/:accesskey/revoke", p.AccessKeys.RevokeForm, p.AccessKeys.Revoke)
}

func ownerAPIs(g group, p Pages) {
	g.form("/owner/apis", p.OwnerAPIs.List, p.OwnerAPIs.Create)
	g.get("/owner/apis/new", p.OwnerAPIs.New)
	g.get("/owner/apis/:api", p.OwnerAPIs.Show)
	g.post("/owner/apis/:api/settings", p.OwnerAPIs.Settings)
	g.post("/owner/apis/:api/methods", p.OwnerAPIs.AddMethod)
	g.post("/owner/apis/:api/methods/key-required", p.OwnerAPIs.KeyRequired)
	g.post("/owner/apis/:api/methods/:method/remove", p.OwnerAPIs.RemoveMethod)
	g.form("/owner/apis/:api/import", p.OwnerDocuments.ImportForm, p.OwnerDocuments.Bring)
	g.form("/owner/apis/:api/diff", p.OwnerDocuments.Show, p.OwnerDocuments.Import)
	g.post("/owner/apis/:api/diff/compare", p.OwnerDocuments.Compare)
	g.post("/owner/apis/:api/diff/discard", p.OwnerDocuments.Discard)
	g.get("/owner/apis/:api/diff/document", p.OwnerDocuments.Text)
	g.get("/owner/apis/:api/diff/:item", p.OwnerDocuments.Item)
	g.form("/owner/apis/:api/delete", p.OwnerAPIs.DeleteForm, p.OwnerAPIs.Delete)
	g.get("/owner/apis/:api/deployments/:deployment", p.OwnerStages.Deployment)
	g.get("/owner/apis/:api/stages/new", p.OwnerStages.New)
	g.post("/owner/apis/:api/stages", p.OwnerStages.Create)
	g.form("/owner/apis/:api/stages/:stage", p.OwnerStages.Show, p.OwnerStages.Save)
	g.post("/owner/apis/:api/stages/:stage/deploy", p.OwnerStages.Deploy)
	g.post("/owner/apis/:api/stages/:stage/point", p.OwnerStages.Point)
	g.form("/owner/apis/:api/stages/:stage/delete", p.OwnerStages.DeleteForm, p.OwnerStages.Delete)
	g.form("/owner/apis/:api/stages/:stage/upstream", p.OwnerStages.Upstream, p.OwnerStages.SaveUpstream)
	g.form("/owner/apis/:api/stages/:stage/variables", p.OwnerStages.Variables, p.OwnerStages.SaveVariables)
	g.post("/owner/apis/:api/stages/:stage/canary", p.OwnerStages.StartCanary)
	g.post("/owner/apis/:api/stages/:stage/canary/promote", p.OwnerStages.PromoteCanary)
	g.post("/owner/apis/:api/stages/:stage/canary/abort", p.OwnerStages.AbortCanary)
	g.form("/owner/apis/:api/stages/:stage/headers", p.OwnerStages.Headers, p.OwnerStages.SaveHeaders)
	g.post("/owner/apis/:api/stages/:stage/cors", p.OwnerStages.SaveCORS)
	g.form("/owner/apis/:api/stages/:stage/cache", p.OwnerStages.Cache, p.OwnerStages.SaveCache)
	g.post("/owner/apis/:api/stages/:stage/cache/purge", p.OwnerStages.PurgeCache)
	g.form("/owner/apis/:api/stages/:stage/limits", p.OwnerStages.Limits, p.OwnerStages.SaveLimits)
	g.form("/owner/apis/:api/stages/:stage/maintenance", p.OwnerStages.Maintenance, p.OwnerStages.SaveMaintenance)
	g.post("/owner/apis/:api/stages/:stage/maintenance/end", p.OwnerStages.EndMaintenance)
	g.get("/owner/help/stages", p.Help.StageSettings)
	g.form("/owner/client-certificates", p.Certificates.List, p.Certificates.Bring)
	g.post("/owner/client-certificates/make", p.Certificates.Make)
	g.get("/owner/client-certificates/:certificate", p.Certificates.Show)
	g.get("/owner/client-certificates/:certificate/pem", p.Certificates.Text)
	g.form("/owner/client-certificates/:certificate/delete", p.Certificates.DeleteForm, p.Certificates.Delete)
}

// ownerAuthorizers are who decides about an API's callers.
func ownerAuthorizers(g group, p Pages) {
	g.form("/owner/apis/:api/authorizers", p.OwnerAuthorizers.List, p.OwnerAuthorizers.Create)
	g.get("/owner/apis/:api/authorizers/new", p.OwnerAuthorizers.New)
	g.post("/owner/apis/:api/authorizers/default", p.OwnerAuthorizers.Default)
	g.post("/owner/apis/:api/authorizers/methods", p.OwnerAuthorizers.Methods)
	g.post("/owner/apis/:api/authorizers/flush", p.OwnerAuthorizers.FlushAll)
	g.form("/owner/apis/:api/authorizers/:authorizer", p.OwnerAuthorizers.Show, p.OwnerAuthorizers.Save)
	g.post("/owner/apis/:api/authorizers/:authorizer/flush", p.OwnerAuthorizers.Flush)
	g.post("/owner/apis/:api/authorizers/:authorizer/test", p.OwnerAuthorizers.Test)
	g.form("/owner/apis/:api/authorizers/:authorizer/delete", p.OwnerAuthorizers.DeleteForm, p.OwnerAuthorizers.Delete)
}

// ownerDomains are the host names of a stage.
func ownerDomains(g group, p Pages) {
	g.form("/owner/apis/:api/stages/:stage/domains", p.OwnerDomains.List, p.OwnerDomains.Add)
	g.post("/owner/apis/:api/stages/:stage/domains/:domain/check", p.OwnerDomains.CheckNow)
	g.form("/owner/apis/:api/stages/:stage/domains/:domain/remove", p.OwnerDomains.RemoveForm, p.OwnerDomains.Remove)
}

func ownerGuides(g group, p Pages) {
	g.form("/owner/apis/:api/guides", p.OwnerGuides.List, p.OwnerGuides.Create)
	g.get("/owner/apis/:api/guides/new", p.OwnerGuides.New)
	g.post("/owner/apis/:api/guides/preview", p.OwnerGuides.Preview)
	g.form("/owner/apis/:api/guides/:guide", p.OwnerGuides.Edit, p.OwnerGuides.Save)
	g.post("/owner/apis/:api/guides/:guide/move", p.OwnerGuides.Move)
	g.form("/owner/apis/:api/guides/:guide/delete", p.OwnerGuides.DeleteForm, p.OwnerGuides.Delete)
}

// ownerChanges is what an API's owner takes away, and tells of.
func ownerChanges(g group, p Pages) {
	g.form("/owner/apis/:api/deprecations", p.OwnerChanges.Deprecations, p.OwnerChanges.Create)
	g.get("/owner/apis/:api/deprecations/new", p.OwnerChanges.New)
	g.form("/owner/apis/:api/deprecations/:deprecation", p.OwnerChanges.Deprecation, p.OwnerChanges.Change)
	g.post("/owner/apis/:api/deprecations/:deprecation/brownouts", p.OwnerChanges.AddBrownout)
	g.post("/owner/apis/:api/deprecations/:deprecation/brownouts/remove", p.OwnerChanges.RemoveBrownout)
	g.post("/owner/apis/:api/deprecations/:deprecation/keep", p.OwnerChanges.Keep)
	g.form("/owner/apis/:api/changes", p.OwnerChanges.Changelog, p.OwnerChanges.AddEntry)
	g.get("/owner/apis/:api/changes/new", p.OwnerChanges.NewEntry)
	g.form("/owner/apis/:api/changes/:entry", p.OwnerChanges.Entry, p.OwnerChanges.SaveEntry)
	g.post("/owner/apis/:api/changes/:entry/delete", p.OwnerChanges.DeleteEntry)
}

func ownerPlans(g group, p Pages) {
	g.form("/owner/plans", p.OwnerPlans.List, p.OwnerPlans.Create)
	g.get("/owner/plans/new", p.OwnerPlans.New)
	g.form("/owner/plans/:plan", p.OwnerPlans.Edit, p.OwnerPlans.Save)
	g.get("/owner/plans/:plan/preview", p.OwnerPlans.Preview)
	g.form("/owner/plans/:plan/publish", p.OwnerPlans.PublishForm, p.OwnerPlans.Publish)
	g.post("/owner/plans/:plan/unschedule", p.OwnerPlans.Unschedule)
	g.post("/owner/plans/:plan/discard", p.OwnerPlans.Discard)
	g.post("/owner/plans/:plan/duplicate", p.OwnerPlans.Duplicate)
	g.form("/owner/plans/:plan/retire", p.OwnerPlans.RetireForm, p.OwnerPlans.Retire)
	g.form("/owner/plans/:plan/end", p.OwnerPlans.EndForm, p.OwnerPlans.End)
	g.post("/owner/plans/:plan/keep", p.OwnerPlans.Keep)
	g.form("/owner/plans/:plan/delete", p.OwnerPlans.DeleteForm, p.OwnerPlans.Delete)
	g.post("/owner/plans/:plan/rehearsal", p.OwnerPlans.Rehearse)
	g.form("/owner/plans/:plan/rehearsal/:run", p.OwnerPlans.Rehearsal, p.OwnerPlans.RehearseAgain)
	g.get("/owner/plans/:plan/rehearsal/:run/card", p.OwnerPlans.RehearsalCard)
	g.get("/owner/plans/:plan/versions", p.OwnerPlans.Versions)
	g.form("/owner/plans/:plan/joining", p.OwnerPlans.JoiningForm, p.OwnerPlans.Joining)
	g.post("/owner/plans/:plan/waiting/:account", p.OwnerPlans.DecideWaiting)
	g.form("/owner/plans/:plan/invitations", p.OwnerPlans.InvitationsForm, p.OwnerPlans.Invitations)
	g.get("/owner/plans/:plan/usage", p.OwnerPlans.Usage)
}

func ownerCustomers(g group, p Pages) {
	g.get("/owner/customers", p.OwnerCustomers.List)
	g.get("/owner/customers/of", p.OwnerCustomers.Show)
	g.post("/owner/customers/of/notes", p.OwnerCustomers.AddNote)
	g.post("/owner/customers/of/notes/remove", p.OwnerCustomers.RemoveNote)
	g.post("/owner/customers/:account/see-as", p.SeeAs.Begin)
	g.get("/owner/customers/:account", p.OwnerCustomers.Show)
	g.post("/owner/customers/:account/notes", p.OwnerCustomers.AddNote)
	g.post("/owner/customers/:account/notes/remove", p.OwnerCustomers.RemoveNote)
	g.form("/owner/customers/:account/suspend", p.OwnerCustomers.SuspendForm, p.OwnerCustomers.Suspend)
	g.post("/owner/customers/:account/resume", p.OwnerCustomers.Resume)
	g.get("/owner/subscriptions", p.OwnerSubscriptions.List)
	g.post("/owner/subscriptions/decide", p.OwnerSubscriptions.DecideMany)
	g.get("/owner/subscriptions/:subscription", p.OwnerSubscriptions.Show)
	g.post("/owner/subscriptions/:subscription/decide", p.OwnerSubscriptions.Decide)
	g.post("/owner/subscriptions/:subscription/keys/:key/extend", p.OwnerSubscriptions.Extend)
	g.post("/owner/subscriptions/:subscription/keys/:key/release", p.OwnerSubscriptions.Release)
	g.form("/owner/subscriptions/:subscription/override", p.OwnerOverrides.SubscriptionForm, p.OwnerOverrides.Subscription)
	g.form("/owner/subscriptions/:subscription/move", p.OwnerSubscriptions.MoveForm, p.OwnerSubscriptions.Move)
	g.form("/owner/keys", p.OwnerKeys.List, p.OwnerKeys.Create)
	g.get("/owner/keys/new", p.OwnerKeys.New)
	g.form("/owner/keys/import", p.OwnerImports.Form, p.OwnerImports.Create)
	g.form("/owner/keys/export", p.OwnerKeys.ExportForm, p.OwnerKeys.Export)
	g.get("/owner/imports", p.OwnerImports.List)
	g.get("/owner/imports/:import", p.OwnerImports.Show)
	g.get("/owner/imports/:import/live", p.OwnerImports.Live)
	g.get("/owner/imports/:import/report", p.OwnerImports.Report)
	g.post("/owner/imports/:import/start", p.OwnerImports.Start)
	g.post("/owner/imports/:import/cancel", p.OwnerImports.Cancel)
	g.get("/owner/keys/:key", p.OwnerKeys.Show)
	g.post("/owner/keys/:key/settings", p.OwnerKeys.Settings)
	g.post("/owner/keys/:key/enabled", p.OwnerKeys.Enabled)
	g.post("/owner/keys/:key/expiry", p.OwnerKeys.Expiry)
	g.get("/owner/keys/:key/callers", p.OwnerKeys.Callers)
	g.post("/owner/keys/:key/stop-old", p.OwnerKeys.StopOld)
	g.form("/owner/keys/:key/rotate", p.OwnerKeys.RotateForm, p.OwnerKeys.Rotate)
	g.form("/owner/keys/:key/revoke", p.OwnerKeys.RevokeForm, p.OwnerKeys.Revoke)
	g.post("/owner/keys/:key/plans", p.OwnerKeys.AddPlan)
	g.post("/owner/keys/:key/plans/:plan/remove", p.OwnerKeys.RemovePlan)
	g.post("/owner/keys/:key/plans/:plan/extend", p.OwnerKeys.Extend)
	g.post("/owner/keys/:key/plans/:plan/release", p.OwnerKeys.Release)
	g.form("/owner/keys/:key/plans/:plan/override", p.OwnerOverrides.KeyForm, p.OwnerOverrides.Key)
	g.form("/owner/keys/:key/move", p.OwnerKeys.MoveForm, p.OwnerKeys.Move)
}

// admin is for administrators.
func admin(g group, p Pages) {
	g.get("/admin/accounts", p.Admin.Accounts)
	g.get("/admin/accounts/:account", p.Admin.Account)
	g.get("/admin/accounts/:account/data", p.Admin.Data)
	g.form("/admin/accounts/:account/delete", p.Admin.DeleteForm, p.Admin.Delete)
	g.post("/admin/accounts/:account/see-as", p.SeeAs.Begin)
	g.post("/admin/accounts/:account/role", p.Admin.SetRole)
	g.post("/admin/accounts/:account/throttle", p.Admin.SetThrottle)
	g.post("/admin/accounts/:account/disable", p.Admin.Disable)
	g.post("/admin/accounts/:account/enable", p.Admin.Enable)
	g.post("/admin/accounts/:account/end-sessions", p.Admin.EndSessions)
	g.post("/admin/accounts/:account/reset-link", p.Admin.ResetLink)
	g.get("/admin/outbox", p.Outbox.List)
	g.get("/admin/outbox/:message", p.Outbox.Show)
	g.get("/admin/outbox/:message/preview", p.Outbox.Preview)
	g.post("/admin/outbox/:message/send", p.Outbox.Send)
	g.form("/admin/invitations", p.Admin.Invitations, p.Admin.Invite)
	g.form("/admin/settings", p.Admin.Settings, p.Admin.SaveSettings)
	g.post("/admin/settings/log", p.Admin.SaveLog)
	g.get("/admin/audit", p.Audit.Show)
	g.get("/admin/domains", p.Domains.List)
	g.form("/admin/domains/:domain/approve", p.Domains.ApproveForm, p.Domains.Approve)
	g.form("/admin/domains/:domain/remove", p.Domains.RemoveForm, p.Domains.Remove)
	g.get("/admin/system", p.System.Show)
	g.get("/admin/jobs", p.System.Jobs)
	g.form("/admin/look", p.Look.Show, p.Look.Save)
	g.get("/admin/look/contrast", p.Look.Contrast)
	g.post("/admin/look/preview", p.Look.Preview)
	g.form("/admin/look/reset", p.Look.ResetForm, p.Look.Reset)
}
