import cliProgress from 'cli-progress'
import type { FileProgress } from '../inputs/file/file.ts'

const LINE_EVERY_MS = 5000
const BAR_EVERY_MS = 200

/** Shows on stderr how far a replay is: a bar on a terminal, else a plain line now and then. */
export function showProgress(progress: () => FileProgress): { end(): void } {
  return process.stderr.isTTY ? showBar(progress) : showLines(progress)
}

function showBar(progress: () => FileProgress): { end(): void } {
  const bar = new cliProgress.SingleBar(
    { format: '{bar} {percentage}% | {rate} | {eta_formatted} left | {file}:{line}', stream: process.stderr, hideCursor: true },
    cliProgress.Presets.shades_classic,
  )
  const startedMs = Date.now()
  const state = () => {
    const { bytesRead, bytesTotal, file, line } = progress()
    return { total: bytesTotal ?? bytesRead, bytesRead, payload: { file, line, rate: rateText(bytesRead, startedMs) } }
  }
  bar.start(state().total, 0, state().payload)
  const update = () => {
    const { total, bytesRead, payload } = state()
    bar.setTotal(total)
    bar.update(bytesRead, payload)
  }
  const timer = setInterval(update, BAR_EVERY_MS)
  return {
    end() {
      clearInterval(timer)
      update()
      bar.stop()
    },
  }
}

function showLines(progress: () => FileProgress): { end(): void } {
  const startedMs = Date.now()
  const show = () => {
    const { bytesRead, bytesTotal, file, line } = progress()
    const share = bytesTotal === undefined || bytesTotal === 0 ? '' : `${Math.floor((100 * bytesRead) / bytesTotal)} %, `
    process.stderr.write(`replay: ${share}${file}:${line}, ${rateText(bytesRead, startedMs)}\n`)
  }
  const timer = setInterval(show, LINE_EVERY_MS)
  return {
    end() {
      clearInterval(timer)
    },
  }
}

function rateText(bytes: number, startedMs: number): string {
  const seconds = Math.max(0.001, (Date.now() - startedMs) / 1000)
  return `${(bytes / 1e6 / seconds).toFixed(1)} MB/s`
}
