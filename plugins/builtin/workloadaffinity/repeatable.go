package workloadaffinity

import "github.com/longshore-project/longshore/scheduler/framework"

// DependsOn implements framework.Repeatable: where the peers run is part of the request.
func (Affinity) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }

// DependsOn implements framework.Repeatable.
func (AntiAffinity) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }
