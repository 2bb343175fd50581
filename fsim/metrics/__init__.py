"""What several systems are judged by: rates and their intervals, ranks, confusions, votes."""
