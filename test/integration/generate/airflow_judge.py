"""Run by Airflow's own Python: imports the DAG files of a folder as Airflow does, and runs one DAG in this process.
Prints what it found as JSON."""

import json
import sys

from airflow.dag_processing.dagbag import DagBag


def main(folder, dag_id):
    bag = DagBag(dag_folder=folder)
    dags = {name: {"tasks": [task.task_id for task in dag.tasks],
                   "outlets": [asset.uri for task in dag.tasks for asset in task.outlets],
                   "schedule": str(dag.schedule), "tags": sorted(dag.tags)} for name, dag in bag.dags.items()}
    ran = None
    if dag_id:
        run = bag.dags[dag_id].test()
        ran = {"state": str(run.state.value if hasattr(run.state, "value") else run.state),
               "returned": run.get_task_instance("load").xcom_pull(task_ids="load")}
    print("JUDGE " + json.dumps({"errors": bag.import_errors, "dags": dags, "ran": ran}))


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
