"""Random JavaScript expressions over test/corpus/javascript/scope.json, most of them meaningful."""

ATOMS = ["0", "1", "-1", "2.5", "1e21", "1e-7", "NaN", "'a'", "'Abc'", "'12'", "''", "' x '", "'a-b_c'", "true", "false", "null", "undefined", "[]", "[3, 1, 2]",
         "['b', 'a', 'C']", "{}", "({a: 1, b: 'x'})", "record.id", "record.name", "record.tags", "record.user", "record.amount", "record.price", "record.note",
         "record.items", "record.unicode", "record.nope", "rows", "numbers", "words", "text", "url", "nested", "flag", "zero", "new Date(0)",
         "new Date(record.ms)", "new Date('2024-02-29T01:02:03Z')", "/a/g", "/(\\w)(\\d)?/", "'😀b'", "new Set([1, 1, 'a'])", "[1, [2, [3]]]", "'2024-01-31'"]
BINARY = ["+", "-", "*", "/", "%", "**", "==", "!=", "===", "!==", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>", ">>>", "&&", "||", "??"]
UNARY = ["!", "-", "+", "~", "typeof ", "void "]
ARROWS = ["x => x", "x => x * 2", "(x, i) => i", "x => x?.id", "x => `${x}`", "x => !x", "({id, ...r} = {}) => r", "(a, b) => a - b", "(a, b) => a + b",
          "x => [x, x]", "x => typeof x", "([a, b = 1]) => b", "x => x > 1", "x => ({k: x})", "String", "Number", "Boolean", "x => { const y = x; return y }"]
METHODS = [".length", ".id", ".a", "?.b?.c", "[0]", "[1]", "['a']", ".slice(1)", ".slice(-2)", ".slice(0, 2)", ".toString()", ".trim()", ".toUpperCase()",
           ".toLowerCase()", ".split('')", ".split('a')", ".split(/[-_ ]/)", ".join('-')", ".join()", ".includes('a')", ".includes(1)", ".indexOf('a')", ".concat(1)",
           ".at(-1)", ".toFixed(2)", ".toPrecision(3)", ".padStart(5, '*')", ".repeat(2)", ".replace('a', 'x')", ".replace(/[a-z]/g, '<$&>')",
           ".replaceAll('a', '')", ".match(/[a-z]/g)", ".match(/(.)(.)/)", ".search(/b/)", ".flat()", ".flat(9)", ".getTime()", ".toISOString()", ".getDay()",
           ".startsWith('a')", ".substring(1)", ".charCodeAt(0)", ".codePointAt(0)", ".toString(2)", ".lastIndexOf('a')", ".toReversed()", ".toSorted()",
           ".test('abc')", ".exec('a1b2')", ".has(1)", ".size", ".valueOf()", ".substr(-3, 2)", ".split(/(b)/)", ".hasOwnProperty('a')", ".trimEnd()"]
CALLBACKS = ["map", "filter", "find", "some", "every", "findIndex", "flatMap", "reduce", "toSorted", "findLast", "reduceRight", "findLastIndex"]
FUNCTIONS = ["String", "Number", "Boolean", "JSON.stringify", "Object.keys", "Object.values", "Object.entries", "Array.isArray", "Array.from", "parseInt", "parseFloat",
             "isNaN", "Math.floor", "Math.round", "Math.abs", "Math.max", "Math.min", "Math.sign", "encodeURIComponent", "Number.isInteger", "JSON.parse",
             "Array.of", "Object.fromEntries", "decodeURIComponent", "Math.trunc", "isFinite", "btoa", "Math.sqrt"]


def expression(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.15:
        return rng.choice(ATOMS)
    inner = expression(rng, depth - 1)
    if kind < 0.35:
        return f"({inner}) {rng.choice(BINARY)} ({expression(rng, depth - 1)})"
    if kind < 0.6:
        return f"({inner}){rng.choice(METHODS)}"
    if kind < 0.72:
        return f"({inner}).{rng.choice(CALLBACKS)}({rng.choice(ARROWS)})"
    if kind < 0.82:
        return f"{rng.choice(FUNCTIONS)}({inner})"
    if kind < 0.86:
        return f"{rng.choice(UNARY)}({inner})"
    if kind < 0.89:
        return f"({inner}) ? ({expression(rng, depth - 1)}) : ({expression(rng, depth - 1)})"
    if kind < 0.92:
        return f"`<${{{inner}}}|${{{expression(rng, depth - 1)}}}>`"
    if kind < 0.95:
        return rng.choice(["[{0}, {1}]", "[...({0}), {1}]", "({{p: {0}, ...({1})}})", "({{[`k${{{0}}}`]: {1}}})"]).format(inner, expression(rng, depth - 1))
    return rng.choice(["(([a, ...b]) => [b, a])({0})", "(({{a, id = 7}}) => [a, id])({0})", "((x, y = x) => [x, y])({0})", "(x => y => [x, y])({0})({1})",
                       "(() => {{ const v = {0}; if (v) {{ return v }} return [v] }})()"]).format(inner, expression(rng, depth - 1))


def expressions(rng, count):
    for _ in range(count):
        yield expression(rng, rng.randint(1, 4))
