"""Spark with Iceberg in one warm JVM, merge-on-read, local[2]; the second of each is the figure.

usage (the Spark venv's python): spark.py JAR FOLDER merge BASE.parquet KEY CHANGES.parquet…
                                 spark.py JAR FOLDER rewrite FILES_FOLDER
Prints {"seconds": [of each], "metadata": path after the last}. Loading the tables is not in the figures.
"""

import glob
import json
import sys
import time


def start(jar, folder):
    from pyspark.sql import SparkSession
    settings = {
        "spark.jars": jar, "spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1", "spark.driver.memory": "4g", "spark.sql.session.timeZone": "UTC",
        "spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false", "spark.sql.shuffle.partitions": "4",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.c": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.c.type": "hadoop",
        "spark.sql.catalog.c.warehouse": folder, "spark.local.dir": folder + "/tmp",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def metadata(folder, table):
    return max(glob.glob(f"{folder}/bench/{table}/metadata/v*.metadata.json"),
               key=lambda path: int(path.rsplit("/v", 1)[1].split(".")[0]))


def timed(spark, statement):
    begin = time.perf_counter()
    spark.sql(statement).collect()
    return time.perf_counter() - begin


PROPERTIES = """USING iceberg TBLPROPERTIES ('format-version'='2', 'write.merge.mode'='merge-on-read',
  'write.parquet.compression-codec'='zstd', 'write.parquet.compression-level'='1')"""


def merge(spark, folder, base, key, *changes):
    spark.sql(f"CREATE TABLE c.bench.rows {PROPERTIES} AS SELECT * FROM parquet.`{base}`")
    seconds = [timed(spark, f"MERGE INTO c.bench.rows t USING parquet.`{one}` s ON t.{key} = s.{key} "
                            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *") for one in changes]
    return {"seconds": seconds, "metadata": metadata(folder, "rows")}


def rewrite(spark, folder, files):
    seconds = []
    for table in ("first", "second"):
        spark.sql(f"CREATE TABLE c.bench.{table} {PROPERTIES} AS SELECT * FROM parquet.`{files}` LIMIT 0")
        spark.sql(f"CALL c.system.add_files(table => 'bench.{table}', source_table => '`parquet`.`{files}`')")
        seconds.append(timed(spark, f"CALL c.system.rewrite_data_files(table => 'bench.{table}')"))
    return {"seconds": seconds, "metadata": metadata(folder, "second")}


def main():
    jar, folder, kind, *rest = sys.argv[1:]
    spark = start(jar, folder)
    try:
        print(json.dumps({"merge": merge, "rewrite": rewrite}[kind](spark, folder, *rest)))
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
