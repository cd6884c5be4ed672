#pragma once

#include <string>

#include "config/descriptor.h"

/// The declarations of workflow files (`type: steps`), and of the source that names one.
namespace firn::config {

Variant StepsSourceVariant();
const ObjectType& WorkflowFileType();  // a whole file
ObjectTypePtr StepType();              // one entry of `do`
ObjectTypePtr StepRequestType();       // `request` of a step

/// Returns the JSON Schema (draft-07) of workflow files.
std::string RenderWorkflowSchema();

}  // namespace firn::config
