import { containers } from './applications-containers.ts'
import {
  byChoice,
  byInstance,
  durationAt,
  lines,
  perSecond,
  requests,
  rowPerApp,
  series,
  sizeAt,
  source,
  stat,
  table,
  timeSeries,
  top,
} from './applications-queries.ts'
import { type Board, dataSourceVariable } from './board.ts'
import * as panels from './panels.ts'

/** Values of a tag that exist in what is chosen to its left. */
const tagVariable = (name: string, label: string, where = '') => ({
  name,
  label,
  type: 'query',
  datasource: source,
  query: `SHOW TAG VALUES FROM /^(http_request|log|instance)$/ WITH KEY = "${name}"${where}`,
  refresh: 2,
  sort: 5,
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { text: ['All'], value: ['$__all'], selected: true },
})

const quota = (field: 'memory' | 'disk') => [
  series({ select: `max("${field}")`, from: 'instance', ...byInstance }),
  series({ select: `max("${field}_quota")`, from: 'instance', by: ['space', 'app'], name: 'quota $tag_space/$tag_app' }),
]

export const applications: Board = {
  uid: 'cfmr-applications',
  title: 'Applications',
  description:
    'Requests, response times, logs, CPU, memory and disk of Cloud Foundry applications and of containers in Docker, as cf-metrics-refinery writes them to InfluxDB.',
  from: 'now-1h',
  variables: [
    dataSourceVariable('influxdb'),
    { name: 'rp', label: 'Retention policy', type: 'query', datasource: source, query: 'SHOW RETENTION POLICIES', refresh: 1 },
    tagVariable('org', 'Org'),
    tagVariable('space', 'Space', ' WHERE "org" =~ /^$org$/'),
    tagVariable('app', 'App', ' WHERE "org" =~ /^$org$/ AND "space" =~ /^$space$/'),
    {
      name: 'by',
      label: 'Compare',
      description: 'A line for each of these. Apps are many: choose some before comparing them.',
      type: 'custom',
      query: 'org,space,app',
      current: { text: 'org', value: 'org', selected: true },
      options: ['org', 'space', 'app'].map((name) => ({ text: name, value: name, selected: name === 'org' })),
    },
  ],
  rows: [
    {
      title: 'At a glance',
      lines: [
        [
          stat({ title: 'Requests', unit: 'reqps', calc: 'mean', queries: [series({ ...requests, name: 'requests' })] }),
          stat({
            title: 'Server errors',
            description: 'Answers with a status of 500 or above.',
            unit: 'reqps',
            calc: 'mean',
            thresholds: panels.badAboveZero,
            queries: [series({ ...requests, where: '"status_code" =~ /^5/', name: 'server errors' })],
          }),
          stat({ title: 'Response time, median', unit: 's', calc: 'mean', queries: [series({ ...durationAt(50), name: 'median' })] }),
          stat({ title: 'Response time, 99 of 100', unit: 's', calc: 'mean', queries: [series({ ...durationAt(99), name: 'p99' })] }),
          stat({ title: 'Log lines', unit: 'cps', calc: 'mean', queries: [series({ ...lines, name: 'lines' })] }),
          stat({
            title: 'Fullest memory',
            description: 'The instance that uses the most of its memory quota.',
            unit: 'percentunit',
            calc: 'max',
            queries: [series({ select: 'max("memory_pct")', from: 'instance', name: 'memory' })],
          }),
        ],
      ],
    },
    {
      title: 'Requests',
      lines: [
        [
          timeSeries({ title: 'Requests by $by', unit: 'reqps', queries: [series({ ...requests, ...byChoice })] }),
          timeSeries({
            title: 'Requests by class of status',
            description: 'Other: the router reports no status where a connection ended before the answer.',
            unit: 'reqps',
            stacked: true,
            queries: [
              ...['2', '3', '4', '5'].map((digit) => series({ ...requests, where: `"status_code" =~ /^${digit}/`, name: `${digit}xx` })),
              series({ ...requests, where: '"status_code" !~ /^[2-5]/', name: 'other' }),
            ],
          }),
        ],
        [
          timeSeries({
            title: 'Errors by status',
            unit: 'reqps',
            queries: [series({ ...requests, where: '"status_code" =~ /^[45]/', by: ['status_code'], name: '$tag_status_code' })],
          }),
          timeSeries({
            title: 'Server errors by $by',
            unit: 'reqps',
            queries: [series({ ...requests, where: '"status_code" =~ /^5/', ...byChoice })],
          }),
        ],
        [
          timeSeries({
            title: 'Response time',
            description: 'From the request’s first byte at the router to the answer’s last: half, 90, 99 of 100 requests were quicker.',
            unit: 's',
            queries: [
              ...[50, 90, 99].map((percent) => series({ ...durationAt(percent), name: `p${percent}` })),
              series({ select: 'max("duration")', from: 'http_request', name: 'slowest' }),
            ],
          }),
          timeSeries({ title: 'Response time by $by, 95 of 100', unit: 's', queries: [series({ ...durationAt(95), ...byChoice })] }),
        ],
        [
          timeSeries({
            title: 'Bytes answered by $by',
            unit: 'Bps',
            queries: [series({ select: perSecond('response_size'), from: 'http_request', fill: '0', ...byChoice })],
          }),
          timeSeries({
            title: 'Size of an answer',
            unit: 'bytes',
            queries: [50, 90, 99].map((percent) => series({ ...sizeAt(percent), name: `p${percent}` })),
          }),
        ],
        [
          table({
            title: 'Apps',
            sortBy: 'requests',
            units: { 'p95 time': 's', answered: 'bytes' },
            queries: [
              rowPerApp({ select: 'sum("count") AS "requests", sum("response_size") AS "answered"', from: 'http_request' }),
              rowPerApp({ select: 'sum("count") AS "server errors"', from: 'http_request', where: '"status_code" =~ /^5/' }),
              rowPerApp({ select: 'percentile("duration", 95) AS "p95 time"', from: 'http_request' }),
              rowPerApp({ select: 'sum("count") AS "log lines"', from: 'log' }),
            ],
          }),
        ],
      ],
    },
    {
      title: 'Logs',
      lines: [
        [
          timeSeries({
            title: 'Log lines by type',
            description: 'OUT and ERR are what apps print, RTR is the router’s access log.',
            unit: 'cps',
            stacked: true,
            queries: [series({ ...lines, by: ['type'], name: '$tag_type' })],
          }),
          timeSeries({ title: 'Log lines by $by', unit: 'cps', queries: [series({ ...lines, ...byChoice })] }),
        ],
        [
          timeSeries({
            title: 'Bytes logged by type',
            unit: 'Bps',
            stacked: true,
            queries: [series({ select: perSecond('size'), from: 'log', fill: '0', by: ['type'], name: '$tag_type' })],
          }),
          timeSeries({
            title: 'Bytes logged by $by',
            unit: 'Bps',
            queries: [series({ select: perSecond('size'), from: 'log', fill: '0', ...byChoice })],
          }),
        ],
      ],
    },
    {
      title: 'Instances that need the most',
      lines: [
        [
          table({ title: 'Memory of its quota', unit: 'percentunit', sortBy: 'memory', queries: [top('memory_pct', 'memory')] }),
          table({ title: 'Disk of its quota', unit: 'percentunit', sortBy: 'disk', queries: [top('disk_pct', 'disk')] }),
          table({ title: 'CPU', description: '100 % is one core.', unit: 'percent', sortBy: 'CPU', queries: [top('cpu', 'CPU')] }),
        ],
      ],
    },
    {
      title: 'Each instance (choose an app or a few first)',
      collapsed: true,
      lines: [
        [
          timeSeries({
            title: 'CPU',
            description: '100 % is one core.',
            unit: 'percent',
            queries: [series({ select: 'mean("cpu")', from: 'instance', ...byInstance })],
          }),
          timeSeries({ title: 'Requests', unit: 'reqps', queries: [series({ ...requests, ...byInstance })] }),
        ],
        [
          timeSeries({ title: 'Memory and quota', unit: 'bytes', limits: '^quota ', queries: quota('memory') }),
          timeSeries({
            title: 'Memory of its quota',
            unit: 'percentunit',
            queries: [series({ select: 'max("memory_pct")', from: 'instance', ...byInstance })],
          }),
        ],
        [
          timeSeries({ title: 'Disk and quota', unit: 'bytes', limits: '^quota ', queries: quota('disk') }),
          timeSeries({
            title: 'Disk of its quota',
            unit: 'percentunit',
            queries: [series({ select: 'max("disk_pct")', from: 'instance', ...byInstance })],
          }),
        ],
      ],
    },
    containers,
  ],
}
