// Reads dashboards as Grafana's published schema has them (grafana-foundation-sdk), strictly: a field that the schema does
// not have, one that it demands and a value of another type are faults, in panels' options and fields too.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func register() {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(bargauge.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
}

// unknown tells which types of panels would be read without a schema of their own.
func unknown(raw []byte) (faults []string) {
	var made struct {
		Panels []struct{ Type, Title string }
	}
	if err := json.Unmarshal(raw, &made); err != nil {
		return []string{err.Error()}
	}
	for _, panel := range made.Panels {
		if _, known := cog.NewRuntime().ConfigForPanelcfgVariant(panel.Type); !known && panel.Type != "row" {
			faults = append(faults, fmt.Sprintf("%s: panels of type %s are not known", panel.Title, panel.Type))
		}
	}
	return faults
}

func faults(file string) []string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	found := unknown(raw)
	var made dashboard.Dashboard
	// Without a fault there may be an error that has no text.
	if err := made.UnmarshalJSONStrict(raw); err != nil && err.Error() != "" {
		found = append(found, strings.Split(err.Error(), "\n")...)
	}
	if err := made.Validate(); err != nil && err.Error() != "" {
		found = append(found, strings.Split(err.Error(), "\n")...)
	}
	return found
}

func main() {
	register()
	wrong := 0
	for _, file := range os.Args[1:] {
		for _, fault := range faults(file) {
			wrong++
			fmt.Fprintf(os.Stderr, "%s: %s\n", file, fault)
		}
	}
	if wrong > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d dashboards are as Grafana's schema has them\n", len(os.Args)-1)
}
