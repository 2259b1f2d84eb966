import type { Metric } from './metric.ts'
import type { StatsSnapshot } from './stats.ts'

type InputFigures = StatsSnapshot['inputs'][string]

/** Figures that an input has beside those that all have. */
const ownOf = (figures: InputFigures) => figures as Readonly<Record<string, unknown>>
const lengthOf = (value: unknown) => (Array.isArray(value) ? value.length : undefined)
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined)

function numbersIn(value: unknown): readonly (readonly [string, number])[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}

/** What is the docker input's own among `inputs` of `/stats`; `gaps` may be any input's. */
export const DOCKER_METRICS: readonly Metric[] = [
  {
    name: 'cfmr_input_gaps_total',
    help: 'What was said and cannot be had any more, by cause.',
    labels: ['input', 'cause'],
    value: ({ inputs }) =>
      Object.entries(inputs).flatMap(([input, figures]) =>
        numbersIn(ownOf(figures)['gaps']).map(([cause, count]) => [{ input, cause }, count] as const),
      ),
  },
  {
    name: 'cfmr_docker_containers',
    help: 'Containers that the engine has, by whether they run, and logs of them, by whether they can be read.',
    labels: ['state'],
    value: ({ inputs: { docker } }) =>
      docker === undefined
        ? []
        : [
            [{ state: 'all' }, numberOf(ownOf(docker)['containers'])],
            [{ state: 'running' }, numberOf(ownOf(docker)['running'])],
            [{ state: 'streaming' }, numberOf(ownOf(docker)['streaming'])],
            [{ state: 'not_streaming' }, lengthOf(ownOf(docker)['not_streaming'])],
          ],
  },
]
