/** What a Parquet file is called. */
export const PARQUET_CONTENT_TYPE = 'application/vnd.apache.parquet'
