"""What happens on the telephone, pure: from AMI facts to the story of each call."""
