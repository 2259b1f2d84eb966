import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen'
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'

/** What Grafana publishes about the JSON of boards and of the panels that ours use. A schema has room for one type of a name, hence ours. */
export type { Dashboard } from '../../node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen.d.ts'
export interface StatOptions extends stat.Options {}
export interface TableOptions extends table.Options {}
export interface TableFieldConfig extends table.FieldConfig {}
export interface TimeseriesOptions extends timeseries.Options {}
export interface TimeseriesFieldConfig extends timeseries.FieldConfig {}
