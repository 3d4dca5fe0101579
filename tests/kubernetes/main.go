// Reads Kubernetes manifests as an API server does: into the types of k8s.io/api, strictly, so that an unknown or repeated
// field, a wrong type or a quantity that is none is an error. Holds every pod to the "restricted" level of the pod security
// standards with their own evaluator, and selectors to the labels that they have to fit.
//
//	go run . FILE…    prints all objects as a JSON list, and ends with 1 and a line for each fault
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

var faults []string

func fault(where string, format string, values ...any) {
	faults = append(faults, where+": "+fmt.Sprintf(format, values...))
}

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	options := kjson.SerializerOptions{Yaml: true, Strict: true}
	decoder := kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, options)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		panic(err)
	}
	objects := []runtime.Object{}
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			fault(file, "%v", err)
			continue
		}
		documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				fault(file, "%v", err)
				break
			}
			object, kind, err := decoder.Decode(document, nil, nil)
			if err != nil {
				fault(file, "%v", err)
				continue
			}
			objects = append(objects, object)
			look(evaluator, file+" "+kind.Kind, object)
		}
	}
	services(objects)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(objects); err != nil {
		panic(err)
	}
	for _, fault := range faults {
		fmt.Fprintln(os.Stderr, fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// One object by itself.
func look(evaluator policy.Evaluator, where string, object runtime.Object) {
	meta, ok := object.(metav1.Object)
	if !ok {
		fault(where, "no name")
		return
	}
	where += " " + meta.GetName()
	for _, wrong := range validation.IsDNS1123Label(meta.GetName()) {
		fault(where, "name: %s", wrong)
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		template(evaluator, where, o.Spec.Template, o.Spec.Selector)
	case *appsv1.StatefulSet:
		template(evaluator, where, o.Spec.Template, o.Spec.Selector)
	case *batchv1.Job:
		template(evaluator, where, o.Spec.Template, nil)
	case *networkingv1.NetworkPolicy:
		selects(where, &o.Spec.PodSelector)
	case *policyv1.PodDisruptionBudget:
		selects(where, o.Spec.Selector)
	}
}

func selects(where string, selector *metav1.LabelSelector) labels.Selector {
	selects, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		fault(where, "selector: %v", err)
		return labels.Nothing()
	}
	return selects
}

// The pods that it makes.
func template(evaluator policy.Evaluator, where string, pod corev1.PodTemplateSpec, selector *metav1.LabelSelector) {
	if selector != nil && !selects(where, selector).Matches(labels.Set(pod.Labels)) {
		fault(where, "its selector does not select its own pods")
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			fault(where, "not restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	volumes := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		volumes[volume.Name] = true
	}
	for _, container := range pod.Spec.Containers {
		ports := map[string]bool{}
		for _, port := range container.Ports {
			for _, wrong := range validation.IsValidPortName(port.Name) {
				fault(where, "port %s: %s", port.Name, wrong)
			}
			ports[port.Name] = true
		}
		for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
			if probe != nil && probe.HTTPGet != nil && !ports[probe.HTTPGet.Port.StrVal] {
				fault(where, "a probe asks port %q, which is none", probe.HTTPGet.Port.StrVal)
			}
		}
	}
}

// Services, budgets and policies select pods that somebody makes, and services ports that these have.
func services(objects []runtime.Object) {
	type made struct {
		labels labels.Set
		ports  map[string]bool
	}
	var pods []made
	for _, object := range objects {
		var pod *corev1.PodTemplateSpec
		switch o := object.(type) {
		case *appsv1.Deployment:
			pod = &o.Spec.Template
		case *appsv1.StatefulSet:
			pod = &o.Spec.Template
		case *batchv1.Job:
			pod = &o.Spec.Template
		default:
			continue
		}
		ports := map[string]bool{}
		for _, port := range pod.Spec.Containers[0].Ports {
			ports[port.Name] = true
		}
		pods = append(pods, made{labels.Set(pod.Labels), ports})
	}
	for _, object := range objects {
		var selector labels.Selector
		var ports []corev1.ServicePort
		switch o := object.(type) {
		case *corev1.Service:
			selector, ports = labels.SelectorFromSet(o.Spec.Selector), o.Spec.Ports
		case *policyv1.PodDisruptionBudget:
			selector = selects(o.Name, o.Spec.Selector)
		case *networkingv1.NetworkPolicy:
			selector = selects(o.Name, &o.Spec.PodSelector)
		default:
			continue
		}
		name := object.(metav1.Object).GetName()
		selected := 0
		for _, pod := range pods {
			if !selector.Matches(pod.labels) {
				continue
			}
			selected++
			for _, port := range ports {
				if !pod.ports[port.TargetPort.StrVal] {
					fault(name, "its pods have no port %q", port.TargetPort.StrVal)
				}
			}
		}
		if selected == 0 {
			fault(name, "it selects no pod")
		}
	}
}
