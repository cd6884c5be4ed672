"""Writes the tables of testdata/ with Spark and Iceberg's Java library, the reference implementation.

    write_tables.py ICEBERG_SPARK_RUNTIME_JAR      (pyspark 4.0, Java 17; was run once, with Iceberg 1.10.1)

Each table goes to testdata/NAME/ with all its files; NAME.rows holds what Spark reads from it, one JSON line per row. The
paths inside begin with file:/tmp/firn-fixtures/, which the tests map to this folder.
"""
import json
import pathlib
import shutil
import sys

import py4j.java_gateway
from pyspark.sql import SparkSession

HERE = pathlib.Path(__file__).resolve().parent
WAREHOUSE = pathlib.Path("/tmp/firn-fixtures")
shutil.rmtree(WAREHOUSE, ignore_errors=True)
spark = (SparkSession.builder.master("local[1]").config("spark.jars", sys.argv[1]).config("spark.ui.enabled", "false")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
         .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "1")
         .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
         .config("spark.sql.catalog.c", "org.apache.iceberg.spark.SparkCatalog").config("spark.sql.catalog.c.type", "hadoop")
         .config("spark.sql.catalog.c.warehouse", f"file:{WAREHOUSE}").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
jvm = spark._jvm
iceberg = jvm.org.apache.iceberg


class Long(int):
    """A java.lang.Long: py4j makes Integer of small numbers."""


command_part = py4j.java_gateway.get_command_part
py4j.java_gateway.get_command_part = lambda value, *rest: (
    f"L{int(value)}\n" if isinstance(value, Long) else command_part(value, *rest))


def record_of(schema, values):
    record = iceberg.data.GenericRecord.create(schema)
    for i, value in enumerate(values):
        is_long = schema.columns()[i].type().toString() == "long" and value is not None
        record.set(i, Long(value) if is_long else value)
    return record


def sql(text):
    spark.sql(text)


def create(name, columns, version, partition="", granularity="partition"):
    sql(f"""CREATE TABLE c.{name} ({columns}) USING iceberg {partition} TBLPROPERTIES (
        'format-version'='{version}', 'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read',
        'write.merge.mode'='merge-on-read', 'write.delete.granularity'='{granularity}',
        'write.distribution-mode'='none', 'write.delete.distribution-mode'='none')""")


def rows_of(name, columns="*"):
    return sorted(json.dumps(r.asDict(True), sort_keys=True, default=str) for r in spark.sql(f"SELECT {columns} FROM c.{name}").collect())


def finish(name, rows=None):
    rows = rows or rows_of(name)
    (HERE / f"{name}.rows").write_text("\n".join(rows) + "\n")
    shutil.rmtree(HERE / name, ignore_errors=True)
    shutil.copytree(WAREHOUSE / name, HERE / name, ignore=shutil.ignore_patterns(".*.crc", "version-hint.text"))
    newest = max((HERE / name / "metadata").glob("v*.metadata.json"), key=lambda p: int(p.name[1:].split(".")[0]))
    newest.rename(HERE / name / "metadata" / "current.metadata.json")
    for old in (HERE / name / "metadata").glob("v*.metadata.json"):
        old.unlink()
    print(name, len(rows), "rows")


def load(name):
    return jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, f"c.{name}")


def equality_delete(name, columns, rows, partition=None, with_insert=None):
    """Commits one equality delete file. `columns`: names; `rows`: lists of values; `partition`: a path like "c=a"."""
    table = load(name)
    ids = spark.sparkContext._gateway.new_array(jvm.int, len(columns))
    for i, column in enumerate(columns):
        ids[i] = table.schema().findField(column).fieldId()
    schema = table.schema().select(columns)
    factory = iceberg.data.GenericAppenderFactory(table.schema(), table.spec(), ids, schema, None)
    key = iceberg.data.GenericRecord.create(table.spec().partitionType())
    if partition:
        for i, value in enumerate(partition):
            key.set(i, value)
    location = table.location() + f"/data/equality-{table.currentSnapshot().sequenceNumber()}.parquet"
    out = iceberg.encryption.EncryptedFiles.plainAsEncryptedOutput(table.io().newOutputFile(location))
    writer = factory.newEqDeleteWriter(out, iceberg.FileFormat.PARQUET, key if partition else None)
    for values in rows:
        writer.write(record_of(schema, values))
    writer.close()
    delta = table.newRowDelta().addDeletes(writer.toDeleteFile())
    if with_insert:  # a data file of the same commit: has the same sequence number as the delete
        target = table.location() + f"/data/same-commit-{table.currentSnapshot().sequenceNumber()}.parquet"
        appender = factory.newDataWriter(iceberg.encryption.EncryptedFiles.plainAsEncryptedOutput(
            table.io().newOutputFile(target)), iceberg.FileFormat.PARQUET, key if partition else None)
        for values in with_insert:
            appender.write(record_of(table.schema(), values))
        appender.close()
        delta = delta.addRows(appender.toDataFile())
    delta.commit()
    sql(f"REFRESH TABLE c.{name}")


def insert(name, rows):
    sql(f"INSERT INTO c.{name} VALUES {rows}")


# Position delete files with rows of several data files, in two partitions.
create("positions_v2", "id BIGINT, c STRING", 2, "PARTITIONED BY (c)")
insert("positions_v2", "(1,'a'),(2,'a'),(3,'a'),(4,'b'),(5,'b')")
insert("positions_v2", "(6,'a'),(7,'a'),(8,'b'),(9,null),(10,null)")
sql("DELETE FROM c.positions_v2 WHERE id IN (2, 6, 8, 9)")
insert("positions_v2", "(2,'a'),(11,'b')")
sql("UPDATE c.positions_v2 SET id = 50 WHERE id = 5")
finish("positions_v2")

# File-scoped ones, merged by Spark.
create("file_scoped_v2", "id BIGINT, s STRING", 2, granularity="file")
sql("INSERT INTO c.file_scoped_v2 SELECT id, concat('row ', id) FROM range(0, 1000, 1, 1)")
sql("DELETE FROM c.file_scoped_v2 WHERE id % 3 = 0")
sql("DELETE FROM c.file_scoped_v2 WHERE id % 5 = 0 OR id > 950")
finish("file_scoped_v2")

# Deletion vectors, several in one Puffin file, merged once; runs, arrays and bitsets.
create("vectors_v3", "id BIGINT, s STRING", 3)
sql("INSERT INTO c.vectors_v3 SELECT id, 'x' FROM range(0, 100000, 1, 1)")
sql("INSERT INTO c.vectors_v3 SELECT id + 1000000, 'y' FROM range(0, 70000, 1, 1)")
insert("vectors_v3", "(5000000,'z'),(5000001,'z')")
sql("DELETE FROM c.vectors_v3 WHERE id BETWEEN 10 AND 99989 OR s = 'y' AND id % 16 <> 0 OR id = 5000001")
sql("DELETE FROM c.vectors_v3 WHERE id IN (3, 99995) OR id = 1000016")
finish("vectors_v3")

# Position deletes of version 2, then version 3: the vector takes them over.
create("upgraded", "id BIGINT, s STRING", 2)
sql("INSERT INTO c.upgraded SELECT id, 'x' FROM range(0, 100, 1, 1)")
sql("INSERT INTO c.upgraded SELECT id + 100, 'y' FROM range(0, 100, 1, 1)")
sql("DELETE FROM c.upgraded WHERE id % 10 = 0")
sql("ALTER TABLE c.upgraded SET TBLPROPERTIES ('format-version'='3')")
sql("DELETE FROM c.upgraded WHERE id % 7 = 0 AND id < 100")
finish("upgraded")

# Equality deletes: null keys, several columns, several commits, rows of the same commit, rows that come again, a
# column dropped, one added, one promoted.
create("equality", "id INT, name STRING, gone STRING, n INT", 2)
insert("equality", "(1,'a','g1',1),(2,'b','g2',2),(3,null,'g3',3),(4,'d',null,4),(null,'e','g5',5),(6,null,null,6),(7,'h','g7',7)")
equality_delete("equality", ["id"], [[2], [None]], with_insert=[[2, "same commit", "g", 20]])
insert("equality", "(2,'again','g',21)")
equality_delete("equality", ["name", "gone"], [[None, "g3"], ["d", None], ["h", "other"]])
equality_delete("equality", ["gone"], [["g7"]])
sql("ALTER TABLE c.equality ALTER COLUMN id TYPE BIGINT")
sql("ALTER TABLE c.equality ADD COLUMN late STRING")
insert("equality", "(8,'i','g',8,'l8'),(9,'j','g',9,null),(10000000000,'k','g',10,'l10'),(11,'m','g',11,'l11')")
equality_delete("equality", ["id", "late"], [[1, None], [8, "l8"], [9, "other"]])
equality_delete("equality", ["id"], [[10000000000]])
finish("equality")

# A column that equality deletes name, dropped: it must still be used (Iceberg specification, "Equality Delete Files").
# Java 1.10.1 fails on it with a NullPointerException, so that what it reads is noted before the column goes.
create("equality_dropped", "id INT, gone STRING", 2)
insert("equality_dropped", "(1,'a'),(2,'b'),(3,null),(4,'d')")
equality_delete("equality_dropped", ["gone"], [["b"], [None]])
equality_delete("equality_dropped", ["id", "gone"], [[4, "d"], [1, "other"]])
before = rows_of("equality_dropped", "id")
sql("ALTER TABLE c.equality_dropped DROP COLUMN gone")
finish("equality_dropped", before)

# Scopes: a delete reaches its partition only, one of an unpartitioned spec the whole table.
create("equality_scopes", "id INT, c STRING", 2, "PARTITIONED BY (c)")
insert("equality_scopes", "(1,'a'),(2,'a'),(1,'b'),(2,'b'),(3,null),(4,null),(5,'b')")
equality_delete("equality_scopes", ["id"], [[1]], partition=["a"])
equality_delete("equality_scopes", ["id"], [[3]], partition=[None])
sql("ALTER TABLE c.equality_scopes DROP PARTITION FIELD c")
equality_delete("equality_scopes", ["id"], [[2]])
insert("equality_scopes", "(2,'a'),(6,'c')")
sql("DELETE FROM c.equality_scopes WHERE id = 6")
finish("equality_scopes")
spark.stop()
