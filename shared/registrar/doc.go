// Package registrar is the engine: changes in, outcomes out.
package registrar
