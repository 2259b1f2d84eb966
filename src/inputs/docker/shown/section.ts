import type { Section } from '../../../flow/shown.ts'

/** The input's figures on the page. */
export const DOCKER_SECTION: Section = {
  title: 'Docker',
  figures: [
    { label: 'engine', figure: 'engine.address', as: 'text' },
    { label: 'its host', figure: 'engine.host', as: 'word' },
    { label: 'what it is', figure: 'engine.kind', as: 'word' },
    { label: 'its version', figure: 'engine.version', as: 'word' },
    { label: 'API spoken', figure: 'engine.api_version', as: 'word' },
    { label: 'there since', figure: 'engine.connected_since', as: 'ago' },
    { label: 'why it is away', figure: 'engine.problem', as: 'text' },
    { label: 'reached again', note: 'after a break', figure: 'engine.reconnects' },
    { label: 'containers', figure: 'containers' },
    { label: 'running', figure: 'running' },
    { label: 'logs followed', figure: 'streaming' },
    { label: 'logs that wait for room', note: 'of outputs', figure: 'waiting_for_room', isBad: true },
    { label: 'not inspected yet', figure: 'inspections_waiting' },
    { label: 'usage dropped', note: 'for want of room', figure: 'dropped_by_kind.usage', isBad: true },
    { label: 'events dropped', note: 'for want of room', figure: 'dropped_by_kind.event', isBad: true },
    { label: 'gaps: rotated', note: 'thrown away unread', figure: 'gaps.rotated', isBad: true },
    { label: 'gaps: removed', note: 'before it was read', figure: 'gaps.removed', isBad: true },
    { label: 'gaps: driver', note: 'logs nobody can read', figure: 'gaps.driver', isBad: true },
    { label: 'gaps: damaged', figure: 'gaps.damaged', isBad: true },
    { label: 'gaps: events', note: 'forgotten by the engine', figure: 'gaps.events', isBad: true },
    { label: 'positions saved', figure: 'positions.last_save_time', as: 'ago' },
    { label: 'why not', figure: 'positions.problem', as: 'text' },
    { label: 'failures', figure: 'failures', isBad: true },
    { label: 'last error', figure: 'last_error', as: 'text' },
  ],
}
