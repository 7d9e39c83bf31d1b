// Our public holidays, 2019-2035, against those of date-holidays (npm; ISC, data CC-BY-3.0), day by day and calendar by calendar. Every
// difference must stand in holidays-explained.json, with who is right and by which source; and each one that stands there must be found.
//   node holidays.mjs DATE_HOLIDAYS_FOLDER DUNNINGCTL SHARE
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [folder, dunningctl, share] = process.argv.slice(2)
const Holidays = createRequire(folder + '/')('date-holidays').default ?? createRequire(folder + '/')('date-holidays')
const explained = JSON.parse(readFileSync(new URL('holidays-explained.json', import.meta.url), 'utf8'))
const FROM = 2019
const TO = 2035

// Days off in a year: both the feast and the day on which it is observed, since date-holidays lists both.
function ours(calendars) {
	const questions = []
	for (const calendar of calendars)
		for (let year = FROM - 1; year <= TO + 1; year++) questions.push({ calendar, year })
	const text = execFileSync(dunningctl, ['--share', share, '--json', 'law', 'holidays'], {
		input: questions.map((q) => JSON.stringify(q)).join('\n') + '\n', maxBuffer: 1 << 26, encoding: 'utf8',
	})
	const days = Object.fromEntries(calendars.map((c) => [c, new Map()]))
	text.trim().split('\n').forEach((line, i) => {
		const answer = JSON.parse(line)
		if (answer.error) throw new Error(`${JSON.stringify(questions[i])}: ${answer.text}`)
		for (const h of answer.holidays)
			for (const day of [h.observed, h.actual]) days[questions[i].calendar].set(day, h.id)
	})
	return days
}

function theirs([country, state, region]) {
	const of = new Holidays(country, state, region)
	const days = new Map()
	for (let year = FROM; year <= TO; year++)
		for (const h of of.getHolidays(year, 'en') || [])
			if (h.type === 'public') days.set(h.date.slice(0, 10), h.name)
	if (!days.size) throw new Error(`date-holidays knows nothing of ${country} ${state} ${region}`)
	return days
}

// "2026-06-15"; of any year "*-06-15" and "easter-2"; or our name of the day, "id:victoria"
function easter(year) {
	const a = year % 19, b = Math.floor(year / 100), c = year % 100
	const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30
	const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
	const n = h + l - 7 * Math.floor((a + 11 * h + 22 * l) / 451) + 114
	return Date.UTC(year, Math.floor(n / 31) - 1, (n % 31) + 1)
}
function fits(pattern, day, id) {
	if (pattern.startsWith('id:')) return pattern.slice(3) === id
	if (pattern.startsWith('easter')) {
		const at = new Date(easter(Number(day.slice(0, 4))) + Number(pattern.slice(6)) * 86400000)
		return at.toISOString().slice(0, 10) === day
	}
	return pattern.startsWith('*') ? pattern.slice(1) === day.slice(4) : pattern === day
}

const calendars = Object.keys(explained.calendars)
const days = ours(calendars)
const used = new Set()
let compared = 0
let differences = 0
let bad = 0
for (const calendar of calendars) {
	const place = explained.calendars[calendar]
	const mine = days[calendar]
	const other = theirs(place)
	for (let at = Date.UTC(FROM, 0, 1); at <= Date.UTC(TO, 11, 31); at += 86400000) {
		const day = new Date(at).toISOString().slice(0, 10)
		compared++
		if (mine.has(day) === other.has(day)) continue
		differences++
		const side = mine.has(day) ? 'ours' : 'theirs'
		const i = explained.differences.findIndex((d) => d.only === side && d.calendars.includes(calendar) && d.days.some((p) => fits(p, day, mine.get(day))))
		if (i < 0) {
			console.log(`${calendar} ${day}: only ${side} (${mine.get(day) ?? other.get(day)}), and not explained`)
			bad++
		}
		used.add(i)
	}
}
explained.differences.forEach((d, i) => {
	if (used.has(i)) return
	console.log(`explained and never found: ${d.calendars} ${d.days}`)
	bad++
})
console.log(`${calendars.length} calendars, ${compared} days compared, ${differences} differences, ${bad} not explained`)
process.exit(bad ? 1 : 0)
