// Package route reads the configuration and says what an event means: which
// backend servers of which VServer groups it adds or removes.
//
// [Load] reads a configuration, [Config.Plan] turns one notice of an event into
// changes. The first route that matches decides. A message that names a VServer
// group itself, as a request in a queue or the metadata of a hook may, is only
// followed where a route names that group as a target or on its allow-list: no
// event can reach another group, whoever wrote it.
//
// A plan is computed from the notice and the configuration alone. It makes no
// call and so can be tried out at no risk.
package route
