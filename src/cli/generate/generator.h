#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "schema/type.h"

namespace firn::cli {

/// One pipeline that is run by itself, on its schedule.
struct GeneratedUnit {
  const config::PipelineConfig* pipeline = nullptr;
  std::vector<const config::TableConfig*> tables;  // that were selected
  std::vector<std::string> select;                 // what --select gets: "shop.*", or tables
  config::Schedule schedule;
};

/// What is asked for. Borrowed by generators.
struct GenerateRequest {
  const config::Project& project;
  std::vector<GeneratedUnit> units;
  std::string name;                                    // of the whole: "shop"
  std::string firn;                                    // the program: "firn", "/opt/firn/bin/firn"
  std::string config;                                  // path of the project file where it will run
  std::string environment;                             // empty: none
  std::string zone;                                    // IANA name
  bool zone_given = false;                             // else UTC, where the target has a zone at all
  std::string image;                                   // of containers
  std::string database;                                // of dbt sources
  std::vector<std::string> variables;                  // environment variables that the project refers to, sorted
  std::map<std::string, schema::Schema> schemas = {};  // by identifier; of dbt sources: the tables that exist

  /// The words of the command that runs a unit.
  std::vector<std::string> RunCommand(const GeneratedUnit& unit) const;
};

struct GeneratedFile {
  std::string name;  // below the folder that is written to
  std::string text;
};

/// What each target makes. Errors: kConfig E0981 for a schedule that the target has no form of.
using Generator = Result<std::vector<GeneratedFile>>(const GenerateRequest&);
Generator GenerateAirflow, GenerateCron, GenerateDagster, GenerateDbtSources, GenerateEcs, GenerateGithubActions,
    GenerateKubernetes, GenerateSystemd;

}  // namespace firn::cli
