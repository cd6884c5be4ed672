"""Makes rows with a key, as Parquet files; always the same rows.

usage (venv's python): make_keyed.py base OUT ROWS                    keys 0 … ROWS - 1, ids in no order
                       make_keyed.py changes OUT ROWS NUMBER KEYS NEW  some rows with random keys below KEYS and NEW new ones
                       make_keyed.py zipf FOLDER BATCHES ROWS KEYS     batches of changes, a fifth of each with new keys,
                                                                      the others Zipf-distributed over all keys so far
                       make_keyed.py sample OUT SOURCE COLUMN[,COLUMN] PERMILLE   that share of the rows, by a hash of these columns
                       make_keyed.py live OUT SOURCE DELETES COLUMN[,COLUMN]     the source's rows without those
                       make_keyed.py cut FOLDER SOURCE FILES           the source's rows in so many files

Number n has the id (n * 2654435761) mod 2^40, which no other has. Of two changes of a key the greater version is later.
"""

import os
import sys

import duckdb
import numpy
import pyarrow
import pyarrow.parquet

COLUMNS = """(n * 2654435761) % 1099511627776 AS id, v::BIGINT AS version,
  ((n * 31 + v * 17) % 1000003) / 8 AS amount, ((n + v * 7) % 97)::INTEGER AS quantity,
  'note ' || ((n * 7 + v * 13) % 50021) AS note,
  make_timestamp(1700000000000000 + (n % 100000000) * 1000003 + v) AS updated_at"""
COPY = "TO '{}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 262144)"
db = duckdb.connect(config={"threads": 2, "preserve_insertion_order": True})


def base(out, rows):
    db.execute(f"COPY (SELECT {COLUMNS} FROM (SELECT range AS n, 0 AS v FROM range({rows}))) {COPY.format(out)}")


def write(out, numbers, first_version):
    changes = pyarrow.table({"n": pyarrow.array(numbers, pyarrow.int64()),
                             "v": pyarrow.array(numpy.arange(first_version, first_version + len(numbers)), pyarrow.int64())})
    db.register("changes", changes)
    db.execute(f"COPY (SELECT {COLUMNS} FROM changes) {COPY.format(out)}")


def changes(out, rows, number, keys, new):
    rng = numpy.random.default_rng(number)
    numbers = numpy.empty(0, numpy.int64)
    while len(numbers) < rows:
        numbers = numpy.unique(numpy.concatenate([numbers, rng.integers(0, keys, rows)]))
    rng.shuffle(numbers)
    numbers = numbers[:rows]
    numbers[:new] = keys + number * rows + numpy.arange(new)
    rng.shuffle(numbers)
    write(out, numbers, number * 1_000_000 + 1)


def zipf(folder, batches, rows, keys):
    os.makedirs(folder)
    rng = numpy.random.default_rng(29)
    for batch in range(batches):
        new = rows // 5
        ranks = numpy.empty(0, numpy.int64)
        while len(ranks) < rows - new:  # P(rank) ~ 1 / rank, by inversion: exponent 1
            ranks = numpy.concatenate([ranks, numpy.exp(rng.random(rows) * numpy.log(keys)).astype(numpy.int64)])
        old = (ranks[:rows - new] * 2654435761 + 7) % keys  # which keys are hot is no matter of their age
        numbers = numpy.concatenate([old, numpy.arange(keys, keys + new)])
        rng.shuffle(numbers)
        write(f"{folder}/{batch}.parquet", numbers, (batch + 1) * 1_000_000 + 1)
        keys += new


def sample(out, source, columns, share):
    db.execute(f"COPY (SELECT * FROM '{source}' WHERE hash({columns}, 3) % 1000 < {share}) {COPY.format(out)}")


def live(out, source, deletes, columns):
    db.execute(f"COPY (SELECT * FROM read_parquet('{source}') WHERE ({columns}) NOT IN "
               f"(SELECT ({columns}) FROM read_parquet('{deletes}'))) {COPY.format(out)}")


def cut(folder, source, files):
    os.makedirs(folder)
    table = pyarrow.parquet.read_table(source)
    size = -(-table.num_rows // files)
    for number in range(files):
        pyarrow.parquet.write_table(table.slice(number * size, size), f"{folder}/{number:05}.parquet", compression="zstd")


def main():
    kind, *rest = sys.argv[1:]
    {"base": base, "changes": changes, "zipf": zipf, "sample": sample, "live": live, "cut": cut}[kind](
        *(int(word) if word.isdigit() else word for word in rest))


if __name__ == "__main__":
    main()
