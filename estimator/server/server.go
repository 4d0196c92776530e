package server

import (
	"google.golang.org/grpc"

	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// Register makes both services answer from members: the batch service, and Karmada's for each member by name.
func Register(registrar grpc.ServiceRegistrar, members *Members) {
	estimatorv1.RegisterEstimatorServer(registrar, &batch{members: members})
	service.RegisterEstimatorServer(registrar, &karmada{members: members})
}
