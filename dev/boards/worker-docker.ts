import type { Board } from './board.ts'
import * as panels from './panels.ts'
import { OF, query, stat, timeSeries, totalPerSecond, value } from './worker-queries.ts'

/** Of workers with the input docker; empty for others. */
export const docker: Board['rows'][number] = {
  title: 'Docker',
  lines: [
    [
      stat({
        title: 'Engines away',
        description: 'Of the workers that read Docker: those whose engine does not answer now.',
        thresholds: panels.badAboveZero,
        queries: [query(`count(cfmr_docker_connected{${OF}}) - sum(cfmr_docker_connected{${OF}})`, 'away')],
      }),
      stat({ title: 'Containers', queries: [query(`sum(cfmr_docker_containers{${OF},state="running"})`, 'running')] }),
      stat({
        title: 'Logs that cannot be read',
        description: 'Now; stats/containers of each worker names them and says why.',
        thresholds: panels.badAboveZero,
        queries: [query(`sum(cfmr_docker_containers{${OF},state="not_streaming"})`, 'logs')],
      }),
      stat({
        title: 'Gaps',
        description: 'In the time that is looked at: what was said and cannot be had any more; stats/gaps of each worker names the latest.',
        thresholds: panels.badAboveZero,
        queries: [query(`sum(increase(cfmr_input_gaps_total{${OF},input="docker"}[$__range]))`, 'gaps')],
      }),
    ],
    [
      timeSeries({
        title: 'Containers and logs',
        description: 'all, running: containers. streaming: logs that are followed. not_streaming: logs that cannot be read now.',
        queries: [query(`sum by (state) (cfmr_docker_containers{${OF}})`, '{{state}}')],
      }),
      timeSeries({
        title: 'Gaps by cause',
        description:
          'rotated: more was written than the engine keeps. driver: logs that cannot be read. removed: before the log was read to its end. ' +
          'damaged: a part cannot be read. events: forgotten by the engine.',
        stacked: true,
        queries: [query(`sum by (cause) (increase(cfmr_input_gaps_total{${OF},input="docker"}[$__rate_interval]))`, '{{cause}}')],
      }),
      timeSeries({
        title: 'Usage and events dropped',
        description: 'For want of room: outputs do not keep up, and these never wait.',
        unit: 'cps',
        queries: [query(`sum by (kind) (rate(cfmr_docker_dropped_total{${OF}}[$__rate_interval]))`, '{{kind}}')],
      }),
    ],
    [
      timeSeries({
        title: 'Waiting',
        description: 'logs: their lines wait for room among what is in flight. inspections: containers that are not inspected yet.',
        queries: [
          value('cfmr_docker_logs_waiting', 'logs {{instance}}'),
          value('cfmr_docker_inspections_waiting', 'inspections {{instance}}'),
        ],
      }),
      timeSeries({
        title: 'Engine there, by instance',
        description: '1: it answers. 0: the worker waits for it.',
        queries: [value('cfmr_docker_connected')],
      }),
      timeSeries({
        title: 'Engine reached again, positions not saved',
        unit: 'cps',
        queries: [
          totalPerSecond('cfmr_docker_reconnects_total', 'reached again'),
          totalPerSecond('cfmr_docker_position_save_failures_total', 'not saved'),
        ],
      }),
    ],
  ],
}
