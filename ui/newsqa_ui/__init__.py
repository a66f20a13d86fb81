"""The page that readers use: it asks the API's service and shows each citation in its article."""
