import type { InputMetric } from '../../flow/contracts.ts'

const lengthOf = (value: unknown) => (Array.isArray(value) ? value.length : undefined)
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined)

export const DOCKER_METRICS: readonly InputMetric[] = [
  {
    name: 'cfmr_docker_containers',
    help: 'Containers that the engine has, by whether they run, and logs of them, by whether they can be read.',
    labels: ['state'],
    value: ({ containers, running, streaming, not_streaming }) => [
      [{ state: 'all' }, numberOf(containers)],
      [{ state: 'running' }, numberOf(running)],
      [{ state: 'streaming' }, numberOf(streaming)],
      [{ state: 'not_streaming' }, lengthOf(not_streaming)],
    ],
  },
]
