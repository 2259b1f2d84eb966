import { Charts } from './charts.ts'
import { byId, eachChild, make, setText } from './dom.ts'
import { showFigures, showPartitions } from './figures.ts'
import { History } from './history.ts'
import { Listings } from './listings.ts'
import { poll } from './poll.ts'
import { type Level, verdict } from './verdict.ts'

/** The page that watches a worker: asks once a second, shows what it says, and says so when nobody answers. */

/** Behind one address there may be several instances that answer in turns: each has a history of its own, one is shown. */
const histories = new Map<number, History>()
let chosen: number | undefined
let problem: string | undefined
let nextTryMs = 0

const nothing = new History()
const charts = new Charts(byId('charts'))
const listings = new Listings()

/** Behind a proxy's path without a slash at its end links would lead past that path. */
if (!location.pathname.endsWith('/')) window.history.replaceState(undefined, '', `${location.pathname}/`)

void poll({
  onAnswer: (stats) => {
    problem = undefined
    const instance = stats.instance_index
    chosen ??= instance
    const history = histories.get(instance) ?? new History()
    histories.set(instance, history)
    history.add(stats, Date.now())
    if (instance === chosen) show()
    showInstances()
    showVerdict()
  },
  onProblem: (text, nextMs) => {
    problem = text
    nextTryMs = nextMs
    showVerdict()
  },
})
/** Silence has to be noticed without an answer. */
setInterval(showVerdict, 1000)
byId('filter').addEventListener('input', () => {
  const { latest } = shownHistory()
  if (latest !== undefined) showPartitions(latest)
})

function shownHistory(): History {
  return (chosen === undefined ? undefined : histories.get(chosen)) ?? nothing
}

function show(): void {
  const history = shownHistory()
  if (history.latest === undefined) return
  const { latest } = history
  showFigures(latest, history)
  listings.refresh(latest.instance_index, latest.runtime.time)
  charts.show(history)
}

function showVerdict(): void {
  const { level, headline, summary, reasons } = verdict({ history: shownHistory(), nowMs: Date.now(), problem, nextTryMs })
  byId('verdict').dataset['level'] = level
  document.body.classList.toggle('gone', level === 'gone')
  setText(byId('headline'), headline)
  setText(byId('summary'), summary)
  byId('reasons').hidden = reasons.length === 0
  eachChild(byId('reasons'), reasons, () => make('li'), setText)
  byId('mark').setAttribute('d', marks[level].path)
  document.title = `${headline} · cf-metrics-refinery`
  const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="${marks[level].color}" d="${marks[level].path}"/></svg>`)}`
  if (byId('icon').getAttribute('href') !== icon) byId('icon').setAttribute('href', icon)
}

function showInstances(): void {
  const instances = [...histories.keys()].sort((a, b) => a - b)
  byId('instances').hidden = instances.length < 2
  eachChild(
    byId('instances'),
    instances,
    () => {
      const button = make('button')
      button.type = 'button'
      button.addEventListener('click', () => {
        chosen = Number(button.value)
        show()
        showInstances()
        showVerdict()
      })
      return button
    },
    (button, instance) => {
      button.value = String(instance)
      button.ariaPressed = String(instance === chosen)
      setText(button, `instance ${instance}`)
    },
  )
}

/** A shape a level, for those to whom colours say nothing: a tick, an exclamation mark, a bar, a cross, dots. */
const marks: Record<Level, { readonly path: string; readonly color: string }> = {
  unknown: { path: 'M2 7h3v3H2zM6.5 7h3v3h-3zM11 7h3v3h-3z', color: '#7a8492' },
  well: { path: 'M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0zM7 11.6 3.4 8l1.3-1.3L7 9l4.8-4.8 1.3 1.3z', color: '#1f9d5c' },
  attention: { path: 'M8 .8 16 15H0zM7.1 5.5v5h1.8v-5zM7.1 11.6v1.8h1.8v-1.8z', color: '#d08a10' },
  trouble: { path: 'M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0zM7 3.5h2v5.6H7zM7 10.6h2v2H7z', color: '#d5373c' },
  gone: {
    path: 'M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0zM5.2 3.8 8 6.6l2.8-2.8 1.4 1.4L9.4 8l2.8 2.8-1.4 1.4L8 9.4l-2.8 2.8-1.4-1.4L6.6 8 3.8 5.2z',
    color: '#d5373c',
  },
}
