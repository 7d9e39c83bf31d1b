// A scrape of the running daemon, read by parse-prometheus-text-format (npm, Apache-2.0): it finds as many families as stand there, each with
// its type, its help and at least one value; a histogram with its buckets (of one with labels
// it keeps no more than those).
//   node parse.mjs NODE_MODULES SCRAPE
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [modules, file] = process.argv.slice(2)
const found = createRequire(modules + '/')('parse-prometheus-text-format')
const text = readFileSync(file, 'utf8')
const families = (found.default ?? found)(text)
const declared = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
let wrong = declared.length > 20 && families.length === declared.length ? 0 : 1
for (const [, name, type] of declared) {
	const family = families.find((f) => f.name === name)
	const whole = family && family.type === type.toUpperCase() && family.help && family.metrics.length > 0 &&
		(type !== 'histogram' || family.metrics.every((m) => Number(m.buckets['+Inf']) >= 0 && [m.buckets['+Inf'], undefined].includes(m.count))) &&
		(type === 'histogram' || family.metrics.every((m) => Number.isFinite(Number(m.value))))
	if (whole) continue
	console.log(`${name}: ${JSON.stringify(family)}`)
	wrong++
}
console.log(`${families.length} families of ${declared.length} read, ${wrong} wrong`)
process.exit(wrong ? 1 : 0)
