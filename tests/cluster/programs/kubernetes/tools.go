//go:build tools
package kubernetes
import (
 _ "k8s.io/kubernetes/cmd/kube-apiserver"
 _ "k8s.io/kubernetes/cmd/kube-controller-manager"
 _ "k8s.io/kubernetes/cmd/kube-scheduler"
 _ "k8s.io/kubernetes/cmd/kubelet"
 _ "k8s.io/kubernetes/cmd/kube-proxy"
)
