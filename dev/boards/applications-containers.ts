import { byChoice, byInstance, growth, perSecond, rowPerApp, series, table, timeSeries } from './applications-queries.ts'
import type { Board } from './board.ts'

const events = { select: perSecond('count'), from: 'container_event', fill: '0' } as const

/** What only containers in Docker have; for Cloud Foundry's applications it would be empty. Their CPU, memory and logs stand with those of all. */
export const containers: Board['rows'][number] = {
  title: 'Containers in Docker',
  collapsed: true,
  lines: [
    [
      timeSeries({
        title: 'What happens to containers',
        unit: 'cps',
        stacked: true,
        queries: [series({ ...events, by: ['action'], name: '$tag_action' })],
      }),
      timeSeries({
        title: 'Ended badly, by $by',
        description: 'Ended with an exit status other than 0, for want of memory too.',
        unit: 'cps',
        queries: [series({ ...events, where: '"action" = \'die\' AND "exit_code" > 0', ...byChoice })],
      }),
      table({
        title: 'Starts and bad ends of apps',
        sortBy: 'starts',
        queries: [
          rowPerApp({ select: 'sum("count") AS "starts"', from: 'container_event', where: '"action" = \'start\'' }),
          rowPerApp({
            select: 'sum("count") AS "ended badly"',
            from: 'container_event',
            where: '"action" = \'die\' AND "exit_code" > 0',
          }),
          rowPerApp({
            select: 'sum("count") AS "out of memory"',
            from: 'container_event',
            where: '"action" = \'die\' AND "oom" = true',
          }),
        ],
      }),
    ],
    [
      timeSeries({ title: 'Received by $by', unit: 'Bps', queries: [growth({ field: 'rx_bytes', ...byChoice })] }),
      timeSeries({ title: 'Sent by $by', unit: 'Bps', queries: [growth({ field: 'tx_bytes', ...byChoice })] }),
    ],
    [
      timeSeries({ title: 'Read from disks by $by', unit: 'Bps', queries: [growth({ field: 'read_bytes', ...byChoice })] }),
      timeSeries({ title: 'Written to disks by $by', unit: 'Bps', queries: [growth({ field: 'write_bytes', ...byChoice })] }),
    ],
    [
      timeSeries({
        title: 'Held up by a CPU limit',
        description: 'Share of the time; with several threads it may be above 1.',
        unit: 'percentunit',
        queries: [growth({ field: 'throttled_seconds', ...byInstance })],
      }),
      timeSeries({ title: 'Processes and threads', queries: [series({ select: 'max("pids")', from: 'instance', ...byInstance })] }),
    ],
    [
      timeSeries({
        title: 'Packets dropped',
        unit: 'cps',
        queries: [
          growth({ field: 'rx_dropped', by: byInstance.by, name: `received ${byInstance.name}` }),
          growth({ field: 'tx_dropped', by: byInstance.by, name: `sent ${byInstance.name}` }),
        ],
      }),
    ],
  ],
}
