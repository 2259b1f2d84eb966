/** The header in which a message brings its event's id on, since that is of where it was first read. */
export const EVENT_ID_HEADER = 'cfmr-event-id'
