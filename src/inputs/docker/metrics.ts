import type { InputMetric, MetricValues } from '../../flow/contracts.ts'
import type { dockerFigures } from './shown/figures.ts'

type Figures = ReturnType<typeof dockerFigures>

const metric = (name: string, help: string, value: (figures: Figures) => MetricValues, labels: readonly string[] = []): InputMetric => ({
  ...{ name, help, labels },
  value: (figures) => value(figures as Figures),
})

export const DOCKER_METRICS: readonly InputMetric[] = [
  metric(
    'cfmr_docker_containers',
    'Containers that the engine has, by whether they run, and logs of them: those that are followed, and those that cannot be read now.',
    ({ containers, running, streaming, not_streaming }) => [
      [{ state: 'all' }, containers],
      [{ state: 'running' }, running],
      [{ state: 'streaming' }, streaming],
      [{ state: 'not_streaming' }, not_streaming.length],
    ],
    ['state'],
  ),
  metric('cfmr_docker_connected', '1 while the engine is there; else 0.', ({ engine }) => (engine.connected ? 1 : 0)),
  metric(
    'cfmr_docker_engine_info',
    'Always 1, once the engine was reached.',
    ({ engine: { host, version, api_version } }) =>
      version === null ? [] : [[{ host: host ?? '', version, api_version: api_version ?? '' }, 1]],
    ['host', 'version', 'api_version'],
  ),
  metric('cfmr_docker_reconnects_total', 'How often the engine was reached again after a break.', ({ engine }) => engine.reconnects),
  metric(
    'cfmr_docker_logs_waiting',
    'Logs whose lines wait for room among what is in flight: outputs do not keep up.',
    ({ waiting_for_room }) => waiting_for_room,
  ),
  metric(
    'cfmr_docker_inspections_waiting',
    'Containers that are to be inspected: what comes of them waits for that.',
    ({ inspections_waiting }) => inspections_waiting,
  ),
  metric(
    'cfmr_docker_dropped_total',
    'Readings of usage and events dropped for want of room, by what they are.',
    ({ dropped_by_kind }) => Object.entries(dropped_by_kind).map(([kind, count]) => [{ kind }, count] as const),
    ['kind'],
  ),
  metric(
    'cfmr_docker_position_save_failures_total',
    'How often the positions of logs could not be saved.',
    ({ positions }) => positions.save_failures,
  ),
]
