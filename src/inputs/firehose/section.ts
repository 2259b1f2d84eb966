import type { Section } from '../../flow/shown.ts'

/** The input's figures on the page. */
export const FIREHOSE_SECTION: Section = {
  title: 'Firehose',
  figures: [
    { label: 'streams open', figure: 'streams' },
    {
      label: 'without any stream',
      note: 'since the start: what was sent meanwhile is lost',
      figure: 'seconds_without_stream',
      as: 'duration',
    },
    { label: 'streams replaced', note: 'before the gateway ends them', figure: 'reconnects.age' },
    { label: 'failures', note: 'streams lost, or not opened', figure: 'failures', isBad: true },
    { label: 'last envelope came', figure: 'last_message_time', as: 'ago' },
    { label: 'its age then', note: 'by the clocks of both', figure: 'lag_seconds', as: 'duration' },
    { label: 'dropped here', note: 'for want of room', figure: 'dropped', isBad: true },
    { label: 'dropped by the platform', note: 'before all of its readers', figure: 'platform_dropped' },
    { label: 'last error', figure: 'last_error', as: 'text' },
  ],
}
