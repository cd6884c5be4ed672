#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

ObjectTypePtr JobType();
/// `create`, `poll` and `cancel` of a job.
ObjectTypePtr JobCreateType();
ObjectTypePtr JobPollType();
ObjectTypePtr JobCancelType();
ObjectTypePtr JobDownloadType();
/// What a table of an API says of jobs and files: `job`, `members`.
std::vector<Field> JobFields();

}  // namespace firn::config
