#include <algorithm>

#include "base/ascii.h"
#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

constexpr size_t kNameMax = 52;  // of a CronJob: its jobs' names add 11 characters

// NAME, SCHEDULE, ZONE, IMAGE, COMMAND, FOLDER, SECRET and CONFIG are put in.
constexpr char kCronJob[] = R"yaml(---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: @NAME@
  labels: {app.kubernetes.io/name: firn, app.kubernetes.io/instance: @NAME@}
spec:
  schedule: @SCHEDULE@
  timeZone: @ZONE@
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 5
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: 21600
      podFailurePolicy:              # needs restartPolicy Never
        rules:
          - action: FailJob          # configuration, credentials, contract: again is no better
            onExitCodes: {containerName: firn, operator: In, values: [2, 4, 6]}
          - action: Ignore           # the pod was evicted
            onPodConditions: [{type: DisruptionTarget}]
      template:
        metadata:
          labels: {app.kubernetes.io/name: firn, app.kubernetes.io/instance: @NAME@}
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120   # what was read whole is committed first
          securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
          containers:
            - name: firn
              image: @IMAGE@
              command: @COMMAND@
              envFrom:
                - secretRef: {name: @SECRET@, optional: true}
              resources:
                requests: {cpu: 500m, memory: 512Mi}
                limits: {memory: 1Gi}
              securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
              volumeMounts:
                - {name: project, mountPath: @FOLDER@, readOnly: true}
                - {name: scratch, mountPath: /tmp}
          volumes:
            - name: project
              configMap: {name: @CONFIG@}
            - name: scratch
              emptyDir: {}
)yaml";

std::string ResourceName(const std::string& text) {
  std::string name = AsciiLower(SafeName(text, '-')).substr(0, kNameMax);
  while (name.ends_with('-')) name.pop_back();
  return name;
}

}  // namespace

Result<std::vector<GeneratedFile>> GenerateKubernetes(const GenerateRequest& request) {
  const std::string whole = ResourceName("firn-" + request.name);
  const std::string folder = request.config.substr(0, request.config.rfind('/'));
  std::string text =
      "# Made by `firn generate k8s`. The project goes into a ConfigMap, its variables into a Secret:\n"
      "#   kubectl create configmap " +
      whole + " --from-file=firn.yaml\n";
  std::string literals;
  for (const std::string& name : request.variables) literals += " --from-literal=" + name + "=…";
  if (!literals.empty()) text += "#   kubectl create secret generic " + whole + literals + "\n";
  text += "# A pod has no disk that lasts: the lake, and `state`, belong on an object store.\n";
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string cron, config::CronOf(unit.schedule));
    text += Filled(kCronJob, {{"NAME", ResourceName("firn-" + unit.pipeline->name)},
                              {"SCHEDULE", Quoted(cron)},
                              {"ZONE", Quoted(request.zone)},
                              {"IMAGE", Quoted(request.image)},
                              {"COMMAND", QuotedList(request.RunCommand(unit))},
                              {"FOLDER", Quoted(folder)},
                              {"SECRET", whole},
                              {"CONFIG", whole}});
  }
  return std::vector<GeneratedFile>{{.name = whole + ".yaml", .text = std::move(text)}};
}

}  // namespace firn::cli
