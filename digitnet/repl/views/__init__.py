"""What results look like: functions from a result to what rich can print."""
